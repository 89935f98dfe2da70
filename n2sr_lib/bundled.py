"""The samples that come with the project: nine clean images of `simulate` and a noisy one.

``python -m n2sr_lib.bundled --out data/samples`` computes them again. Lengths in the files are in nanometres.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import tifffile

from n2sr_lib import simulate, specimen

#: The bundled images: arguments of `specimen.particle_on_support`, and contrast -> defocus in Å.
SAMPLES = {
    "a": (
        dict(beam=(1, -1, 0), up=(1, 1, 1), facets=(10.5, 12.0, 6.5), position=0.56, surface=0.57)
        | dict(step=0.18, missing=0.15, thickness=24.0, seed=0),
        dict(white=-120.0, mixed=-50.0, black=10.0),
    ),
    "b": (
        dict(beam=(0, 0, 1), up=(0, 1, 0), facets=(10.2, 8.8, 4.0), position=0.42, surface=0.60)
        | dict(step=0.12, missing=0.12, thickness=20.0, seed=1),
        dict(white=-100.0, mixed=-50.0, black=20.0),
    ),
    "c": (
        dict(beam=(1, -1, 0), up=(0, 0, 1), particle_up=(1, 1, 1), facets=(8.2, 9.5, 6.0), surface=0.58)
        | dict(step=0.12, tilt=2.0, missing=0.15, thickness=20.0, seed=2),
        dict(white=-120.0, mixed=-60.0, black=10.0),
    ),
}
LEVELS = 4095  # twelve bits: their rounding is 50 dB below any noise of interest and halves the files
DEFLATE = {"compression": "zlib", "compressionargs": {"level": 9}, "predictor": True}
#: The noisy demonstration: a window of one sample, electrons per Å^2, seed of the Poisson noise.
DEMO = {"of": "ptceo2_a_white", "rows": (60, 572), "columns": (200, 712), "dose": 4000.0, "seed": 7}


def _write_clean(path: Path, intensity: np.ndarray, provenance: dict) -> np.ndarray:
    """Twelve-bit values in a uint16 TIFF with its provenance; returns what a reader gets back."""
    image = simulate.rescale(intensity)
    offset, scale = float(image.min()), float(np.ptp(image)) / LEVELS
    values = np.round((image - offset) / scale).astype(np.uint16)
    gain = float(np.ptp(image) / np.ptp(intensity))
    before = {"mean_before_rescaling": float(intensity.mean(dtype=np.float64)), "gain_of_rescaling": gain}
    about = {"name": path.stem, "offset": offset, "scale": scale, "pixel_size_nm": specimen.PIXEL / 10}
    centimetres = {"resolution": (1e8 / specimen.PIXEL, 1e8 / specimen.PIXEL), "resolutionunit": "CENTIMETER"}
    text = json.dumps(about | before | provenance)
    tifffile.imwrite(path, values, description=text, metadata=None, **centimetres, **DEFLATE)
    return (values * np.float32(scale) + np.float32(offset)).astype(np.float32)


def _write_demo(path: Path, clean: np.ndarray) -> None:
    """Poisson counts of a window of ``clean`` as a plain ImageJ TIFF, as acquisition software writes it."""
    factor = DEMO["dose"] * specimen.PIXEL**2 / simulate.MEAN
    window = clean[slice(*DEMO["rows"]), slice(*DEMO["columns"])].astype(np.float64)
    counts = np.random.default_rng(DEMO["seed"]).poisson(factor * window).astype(np.uint16)
    about = {"name": path.stem, "offset": 0.0, "scale": 1.0, "pixel_size_nm": specimen.PIXEL / 10, **DEMO}
    about |= {"counts_per_intensity": factor, "units": "counts: electrons; dose: electrons per Å^2"}
    metadata = {"unit": "nm", "Info": json.dumps(about)}
    tifffile.imwrite(path, counts, imagej=True, resolution=(10 / specimen.PIXEL,) * 2, metadata=metadata)


def write_samples(folder: str | Path, progress: bool = True) -> list[Path]:
    """Compute the bundled samples and write them into ``folder``; returns the files.

    The same versions of numpy and abTEM give the same bytes again; others may differ in the last of the
    twelve bits.
    """
    abtem, ase = specimen.packages()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files, clean = [], {}
    common = {
        "microscope": simulate.OPTICS | simulate.ABERRATIONS | {"image_spread": simulate.BLUR},
        "phonons": simulate.PHONONS,
    }
    common |= {"units": "eV, mrad, Å, rad", "software": f"abTEM {abtem.__version__}, ASE {ase.__version__}"}
    for letter, (structure, contrasts) in SAMPLES.items():
        atoms = specimen.particle_on_support(**structure)
        series = simulate.hrtem(atoms, list(contrasts.values()), seed=structure["seed"], progress=progress)
        for (contrast, defocus), intensity in zip(contrasts.items(), series, strict=True):
            files.append(folder / f"ptceo2_{letter}_{contrast}.tif")
            own = {"structure": structure, "formula": atoms.get_chemical_formula(), "defocus": defocus}
            clean[files[-1].stem] = _write_clean(files[-1], intensity, own | common)
    files.append(folder / "demo_noisy.tif")
    _write_demo(files[-1], clean[DEMO["of"]])
    return files


def main(argv: list[str] | None = None) -> None:
    """Compute the bundled samples: a minute and a half on one core."""
    parser = argparse.ArgumentParser(prog="python -m n2sr_lib.bundled", description=main.__doc__)
    parser.add_argument("--out", default="data/samples", help="folder to write into (default: data/samples)")
    for path in write_samples(parser.parse_args(argv).out):
        print(f"{path}  {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
