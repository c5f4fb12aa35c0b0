"""fit, validate, test and predict through LightningCLI."""

import logging
import signal
import sys
import warnings
from argparse import ArgumentError
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import lightning as L
import torch
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI, SaveConfigCallback
from lightning.pytorch.loggers import CSVLogger, Logger
from lightning.pytorch.utilities.exceptions import SIGTERMException

from data_modules.base import ImageDataModule
from data_modules.registry import DATA_MODULES
from lit_gans.callbacks.buffers import AverageBuffers
from lit_gans.callbacks.checkpoints import BestCheckpoint, LastCheckpoint
from lit_gans.callbacks.compile import Compile
from lit_gans.callbacks.curves import Curves
from lit_gans.callbacks.loggers import log_options, tensorboard_logger, wandb_id, with_csv
from lit_gans.callbacks.preflight import Preflight
from lit_gans.callbacks.progress import progress_bar
from lit_gans.callbacks.record import RunRecord, wandb_id_of
from lit_gans.callbacks.run_folder import RunFolder
from lit_gans.callbacks.samples import PredictionWriter, SampleGrid
from lit_gans.callbacks.throughput import Throughput
from lit_gans.callbacks.wandb import wandb_logger
from lit_gans.checks import whole
from lit_gans.commands.arguments import TOLD_BY_DATA, readable
from lit_gans.commands.run_checkpoint import OF_THE_RUN, checked_checkpoint, newest
from lit_gans.commands.trainer import Trainer, put_back_loaders
from lit_gans.errors import InputError
from lit_gans.files import replacing
from lit_gans.models.base import ImageModel
from lit_gans.models.registry import MODELS
from lit_gans.scoring.score import Score
from lit_gans.training.memory import keep_freed_memory

RUNS = "runs"


class SaveFitConfig(SaveConfigCallback):
    """`config.yaml` in the run folder of a training, where `--ckpt_path` alone finds it; UTF-8 in every locale."""

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        if stage == "fit":
            self.folder = trainer.log_dir  # asks all processes
            super().setup(trainer, pl_module, stage)

    def save_config(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        if self.folder is not None:
            with replacing(Path(self.folder) / self.config_filename) as file:
                file.write_text(text := self.parser.dump(self.config, skip_none=False), encoding="utf-8")
            log_options(trainer.loggers, text)


class CLI(LightningCLI):
    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument("--run_name", type=str | None, default=None, help="folder in runs/; the config's name")
        parser.add_argument("--wandb", type=Literal["auto", "online", "offline", "off"], default="auto")
        parser.add_argument("--wandb_checkpoints", type=bool, default=False, help="keep the checkpoints there too")
        parser.add_argument("--tensorboard", type=bool, default=False, help="write events for TensorBoard")
        parser.add_lightning_class_args(LastCheckpoint, "checkpoint")
        parser.add_lightning_class_args(SampleGrid, "samples")
        parser.add_lightning_class_args(BestCheckpoint, "stop")
        parser.add_lightning_class_args(Compile, "compile")
        parser.add_lightning_class_args(Score, "score")
        for key in TOLD_BY_DATA:
            part, _, name = key.partition(".")
            # skipped by Lightning for models without that parameter
            target = f"model.init_args.{name}" if part == "model" else key
            parser.link_arguments(f"data.{name}", target, apply_on="instantiate")

    def _prepare_subcommand_parser(self, klass: type, subcommand: str, **kwargs: Any) -> LightningArgumentParser:
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        if subcommand != "fit":
            parser.add_argument(
                "--untrained", type=bool, default=False, help="do it with a model that has learnt nothing"
            )
        return parser

    def before_instantiate_classes(self) -> None:
        config = self.config[self.subcommand]
        if config.ckpt_path in OF_THE_RUN:
            config.ckpt_path = str(newest(Path(*self.place(config)), config.ckpt_path))

    @staticmethod
    def place(config: Any) -> tuple[str, str]:
        """The folder of all runs, and the name of this one in it."""
        return str(config.trainer.default_root_dir or RUNS), config.run_name or "lit_gans"

    def check_checkpoint(self) -> None:
        assert self.subcommand is not None
        config = self.config_init[self.subcommand]
        untrained = config.get("untrained", False)
        config.ckpt_path = checked_checkpoint(self.subcommand, config.ckpt_path, self.model, untrained)

    before_fit = before_validate = before_test = before_predict = check_checkpoint

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Builds the parser of the given command only: a parser with all options takes a while."""
        known = LightningCLI.subcommands()
        return {name: skip for name, skip in known.items() if name == sys.argv[1]} or known

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        try:
            super().parse_arguments(parser, args)
        except ArgumentError as error:
            command, given = sys.argv[1], sys.argv[2:]
            known = (name for action in self._parser(command)._actions for name in action.option_strings)
            raise InputError(readable(str(error), known, given)) from None

    def _set_seed(self) -> None:
        given = self._get(self.config, "seed_everything")
        if not isinstance(given, bool):
            whole("seed_everything", given, at_least=0, at_most=2**32 - 1)
        super()._set_seed()

    def _parse_ckpt_path(self) -> None:
        """Does nothing: Lightning's own method lets the hyperparameters of a checkpoint override the command line."""

    def instantiate_trainer(self, **kwargs: Any) -> L.Trainer:
        config = self.config_init[self.subcommand]
        loggers = with_csv(config.trainer.logger, *self.place(config))
        if self.subcommand == "fit":
            loggers += self.more_loggers(config, loggers)
        return super().instantiate_trainer(logger=loggers, **kwargs)

    def more_loggers(self, config: Any, named: list[Logger]) -> list[Logger]:
        csv = named[0]
        assert isinstance(csv, CSVLogger)
        checkpoints = Path(csv.log_dir) / "checkpoints" if config.wandb_checkpoints else None
        wandb = wandb_logger(
            config.wandb, *self.place(config), run_id=wandb_id_of(config.ckpt_path), checkpoints=checkpoints
        )
        if config.wandb_checkpoints and wandb is None:
            raise InputError("--wandb_checkpoints true, and there is no W&B run; give --wandb online or offline")
        more = [] if wandb is None or wandb_id(named) is not None else [wandb]
        return [*more, tensorboard_logger(csv)] if config.tensorboard else more


def run(command: str, args: list[str]) -> int:
    """Runs a LightningCLI subcommand with arguments that `with_configs` has prepared."""
    # Lightning's DDP launcher starts the other ranks with this process's arguments
    sys.argv[1:] = [command, *args]
    torch.set_float32_matmul_precision("high")
    keep_freed_memory()
    quiet()
    folder = RunFolder()
    try:
        _run_cli(folder)
    except SIGTERMException:
        return 128 + signal.SIGTERM  # what a shell or a scheduler expects; Lightning's exception would end with 0
    finally:
        if wandb := sys.modules.get("wandb"):
            wandb.finish()  # the next run of this process is another one
        if torch.distributed.is_initialized():
            # gloo's threads abort a process now and then that ends with them still running
            torch.distributed.destroy_process_group()
        put_back_loaders()
        folder.tidy()
    return 0


def _run_cli(folder: RunFolder) -> None:
    for module in (*MODELS.values(), *DATA_MODULES.values()):
        import_module(module)  # jsonargparse finds a class without its module if it has been imported
    CLI(
        ImageModel,
        ImageDataModule,
        trainer_class=Trainer,
        trainer_defaults={
            "num_sanity_val_steps": 0,
            "enable_model_summary": False,  # the run's folder is told with the networks' sizes
            "callbacks": [
                Preflight(),
                Throughput(),  # before the bar that shows it
                progress_bar(),
                AverageBuffers(),
                PredictionWriter(),
                Curves(),
                RunRecord(),
                folder,  # names what the others wrote
            ],
        },
        save_config_callback=SaveFitConfig,
        save_config_kwargs={"save_to_log_dir": False},
        parser_kwargs={"exit_on_error": False, **{command: {"exit_on_error": False} for command in CLI.subcommands()}},
        subclass_mode_model=True,
        subclass_mode_data=True,
        auto_configure_optimizers=False,
        seed_everything_default=0,
    )


def quiet() -> None:
    """Filters messages of Lightning that are irrelevant to these models."""
    for message in (
        ".isinstance.treespec, LeafSpec",  # inside Lightning; the first letter is a backtick
        "The number of training batches .* is smaller than the logging interval",  # as meant, in short epochs
        "Found .* module.s. in eval mode",  # the averaged generator is
        "Precision bf16-mixed is not supported by the model summary",
        r"Be aware that when using .*BestCheckpoint\{",  # as checkpoints of earlier versions call it
        "Couldn't infer the batch indices",  # the pictures are written in order
        ".* was deprecated in v4.49.0",  # Lightning's use of jsonargparse
    ):
        warnings.filterwarnings("ignore", message)
    for source in ("utilities.rank_zero", "trainer.connectors.checkpoint_connector"):
        logging.getLogger(f"lightning.pytorch.{source}").addFilter(is_news)


def is_news(record: logging.LogRecord) -> bool:
    """Whether a message of Lightning's is neither an advertisement nor about defaults that are as they should be."""
    return not record.getMessage().startswith(("💡", "TPU available", "`weights_only` was not set"))
