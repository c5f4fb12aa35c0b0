"""`lit-gans push CKPT owner/name`: upload of a trained model to the Hugging Face Hub, with a model card."""

from argparse import ArgumentParser, Namespace
from pathlib import Path


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, metavar="CKPT", help="written by lit-gans fit")
    parser.add_argument("name", metavar="OWNER/NAME", help="of the model there; it is made if there is none")
    parser.add_argument(
        "--license",
        required=True,
        metavar="ID",
        help="of the weights, such as mit or cc-by-nc-4.0; mind the data's own",
    )
    parser.add_argument(
        "--scores",
        type=Path,
        action="append",
        metavar="FILE",
        help="scores.json of a test of CKPT, several times for several tests (default: the one beside CKPT or its run)",
    )
    parser.add_argument("--private", action="store_true", help="for nobody else to see, where it is new")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write the files to this folder instead of pushing them"
    )


def run(args: Namespace) -> int:
    from lit_gans import hub
    from lit_gans.commands.model_card import files_of
    from lit_gans.errors import InputError
    from lit_gans.files import check_folder, replacing

    if not args.license.strip() or args.license != args.license.strip().lower() or len(args.license.split()) > 1:
        raise InputError(f"--license {args.license!r}: expected the Hub's name of a licence, such as mit or cc-by-4.0")
    files = files_of(args.checkpoint, hub.checked_name(args.name), args.license, args.scores)
    if args.out:
        check_folder(args.out)
        for name, content in files.items():
            with replacing(args.out / name) as temporary:
                temporary.write_bytes(content)
        print(f"wrote {', '.join(files)} to {args.out}; nothing was pushed")
        return 0
    commit = hub.push(args.name, files, args.private, f"lit-gans push {args.checkpoint.name}")
    print(f"pushed {', '.join(files)} in one commit: {commit}\nload it: lit_gans.load('hf://{args.name}')")
    return 0
