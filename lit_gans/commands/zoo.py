"""`lit-gans zoo`: the trained models that come with the package, each by a name that stands for its file."""

import json
from argparse import ArgumentParser, Namespace

from lit_gans import zoo


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="only this one, with its whole card as JSON")


def run(args: Namespace) -> int:
    from lit_gans.errors import InputError

    cards = zoo.cards()
    if args.name:
        if args.name not in cards:
            raise InputError(f"{args.name}: no name in the zoo; there are {', '.join(cards)}")
        print(json.dumps(cards[args.name], indent=2))
        return 0
    for name, card in cards.items():
        print(f"{name} ({card['bytes'] / 1e6:.1f} MB)")
        print(f"  draws    {card['draws']}")
        print(f"  trained  on {card['data']['name']}, minutes: {zoo.budget(card['run'])}")
        print(f"  score    {zoo.score(card['scores'])}")
    print("A name stands for a checkpoint: lit-gans sample NAME ...; lit-gans zoo NAME shows its card.")
    return 0
