"""Reading faces: mosaics with an index, folders of images, and what is wrong with the others."""

from __future__ import annotations

import csv
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image

from training.data import DataError, Faces, load


def _tile(number: int) -> np.ndarray:
    """A flat 64×64 tile that survives JPEG: its grey level names it."""
    return np.full((64, 64, 3), 10 * number, np.uint8)


def _write_mosaic(folder: Path, name: str, tiles: list[np.ndarray], columns: int = 4) -> None:
    padded = tiles + [_tile(0)] * (-len(tiles) % columns)
    grid = np.stack(padded).reshape(-1, columns, 64, 64, 3).swapaxes(1, 2)
    Image.fromarray(grid.reshape(-1, columns * 64, 3)).save(folder / name, quality=95)


def _write_index(folder: Path, counts: dict[str, int]) -> None:
    with (folder / "faces64-index.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "tile", "number", "source"])
        rows.writerows([name, i, i, "A"] for name, count in counts.items() for i in range(count))


@pytest.fixture
def mosaics(tmp_path: Path) -> Path:
    _write_mosaic(tmp_path, "faces64-train-000.jpg", [_tile(i) for i in range(1, 9)])
    _write_mosaic(tmp_path, "faces64-train-001.jpg", [_tile(i) for i in range(9, 12)])
    _write_mosaic(tmp_path, "faces64-heldout-000.jpg", [_tile(i) for i in (20, 21)])
    _write_index(
        tmp_path,
        {"faces64-train-000.jpg": 8, "faces64-train-001.jpg": 3, "faces64-heldout-000.jpg": 2},
    )
    return tmp_path


def _write_folder(folder: Path, count: int = 32, size: tuple[int, int] = (178, 218)) -> None:
    for i in range(count):
        Image.new("RGB", size, (5 * i, 0, 255)).save(folder / f"{i:06}.png")


def _first(faces: Faces) -> NDArray[np.uint8]:
    """The face of 000000.png, wherever it was shuffled to: the one that is not of one colour."""
    others = (faces.train[..., 1:] == (0, 255)).all((1, 2, 3))
    (found,) = faces.train[~others]
    return found


def test_mosaics_give_their_real_tiles_in_row_major_order(mosaics: Path) -> None:
    faces = load(mosaics)
    assert faces.name == "faces64"
    assert "research" in faces.terms
    np.testing.assert_allclose(faces.train.mean((1, 2, 3)), np.arange(1, 12) * 10, atol=2)
    np.testing.assert_allclose(faces.held_out.mean((1, 2, 3)), [200, 210], atol=2)


def test_a_mosaic_that_the_index_names_must_be_there(mosaics: Path) -> None:
    (mosaics / "faces64-train-001.jpg").unlink()
    with pytest.raises(DataError, match=r"faces64-train-001\.jpg is named in .* but missing"):
        load(mosaics)


def test_a_mosaic_must_hold_the_tiles_that_the_index_names(mosaics: Path) -> None:
    _write_mosaic(mosaics, "faces64-train-000.jpg", [_tile(1)] * 4)
    with pytest.raises(DataError, match=r"holds 4 tiles, faces64-index\.csv names 8"):
        load(mosaics)


def test_an_index_without_a_split_is_refused(mosaics: Path) -> None:
    _write_index(mosaics, {"faces64-train-000.jpg": 8})
    with pytest.raises(DataError, match="names no heldout mosaics"):
        load(mosaics)


def test_a_folder_gives_centre_crops_and_holds_out_every_sixteenth(tmp_path: Path) -> None:
    image = np.zeros((218, 178, 3), np.uint8)
    image[20:198] = 255  # the centred 178×178 square
    _write_folder(tmp_path, 31)
    Image.fromarray(image).save(tmp_path / "000000.png")
    faces = load(tmp_path)
    assert faces.train.shape == (30, 64, 64, 3)
    assert len(faces.held_out) == 1
    assert _first(faces).min() > 250
    assert (faces.held_out[0] == (5 * 15, 0, 255)).all()


def test_the_first_faces_of_a_folder_are_a_sample_of_all(tmp_path: Path) -> None:
    for folder, shade in (("a", 0), ("b", 200)):
        (tmp_path / folder).mkdir()
        for i in range(160):
            Image.new("RGB", (64, 64), (shade,) * 3).save(tmp_path / folder / f"{i}.png")
    faces = load(tmp_path)
    for split in (faces.train[:150], faces.held_out[:10]):
        assert 0.2 <= (split[:, 0, 0, 0] == 200).mean() <= 0.8
    np.testing.assert_array_equal(faces.train, load(tmp_path).train)


def test_what_is_hidden_or_no_file_is_passed_over_and_other_kinds_are_told(tmp_path: Path) -> None:
    _write_folder(tmp_path, 20)
    (tmp_path / ".thumbnails").mkdir()
    for name in ("._000000.png", ".thumbnails/000000.png"):
        (tmp_path / name).write_bytes(b"not an image")
    (tmp_path / "sub.jpg").mkdir()
    Image.new("RGB", (64, 64)).save(tmp_path / "sub.jpg" / "a.JPEG")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    for name in ("a.tif", "b.TIF", "c.gif", "README"):
        (tmp_path / name).touch()
    faces = load(tmp_path)
    assert str(faces) == (
        "20 faces to train on, 1 held out; 4 files of other kinds (.tif, no suffix, .gif) left out"
    )


def test_too_few_images_beside_others_tell_of_them(tmp_path: Path) -> None:
    (tmp_path / "a.tif").touch()
    with pytest.raises(
        DataError, match=r"holds 0 images .*, and 1 file of another kind \(\.tif\);"
    ):
        load(tmp_path)


def test_a_data_set_is_named_wherever_one_stands_and_told_by_its_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "pictures"
    (folder / "below").mkdir(parents=True)
    _write_folder(folder)
    monkeypatch.chdir(folder)
    (tmp_path / "link").symlink_to(folder)
    assert [load(Path(p)).name for p in (".", "below/..", "../link")] == [
        "pictures",
        "pictures",
        "link",
    ]
    before = load(folder).digest
    assert load(Path()).digest == before
    Image.new("RGB", (64, 64)).save(folder / "000003.png")
    assert load(folder).digest != before


def test_images_are_turned_as_their_exif_orientation_says(tmp_path: Path) -> None:
    _write_folder(tmp_path)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # the first row is the right-hand side
    image = np.zeros((178, 178, 3), np.uint8)
    image[:89] = 255
    Image.fromarray(image).save(tmp_path / "000000.png", exif=exif)
    face = _first(load(tmp_path))
    assert face[:, 36:].min() > 250
    assert face[:, :28].max() < 5


def test_an_image_with_corrupt_exif_is_named(tmp_path: Path) -> None:
    _write_folder(tmp_path)
    entries = struct.pack("<HHIHH", ExifTags.Base.Orientation, 3, 1, 6, 0)
    entries += struct.pack("<HHI4s", ExifTags.Base.ResolutionUnit, 2, 1, b"cm")  # 2: text, not 3
    exif = b"Exif\0\0II*\0" + struct.pack("<IH24sI", 8, 2, entries, 0)
    Image.new("RGB", (64, 64)).save(tmp_path / "a.jpg", exif=exif)
    with pytest.raises(DataError, match=r"a\.jpg is not a readable image"):
        load(tmp_path)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_images_lie_on_white(tmp_path: Path, mode: str) -> None:
    _write_folder(tmp_path)
    image = Image.new("RGBA", (64, 64), (10, 10, 10, 255))
    image.paste((200, 200, 200, 0), (0, 0, 64, 32))  # a colour that is not to be seen
    image.convert(mode).save(tmp_path / "000000.png")
    face = _first(load(tmp_path))
    assert (face[:32] == 255).all()
    assert (face[32:] == 10).all()


def test_half_transparent_pixels_are_mixed_with_white(tmp_path: Path) -> None:
    _write_folder(tmp_path)
    Image.new("RGBA", (64, 64), (0, 100, 255, 51)).save(tmp_path / "000000.png")  # a fifth
    assert (_first(load(tmp_path)) == (204, 224, 255)).all()


def test_grey_of_16_bits_is_refused_by_its_mode(tmp_path: Path) -> None:
    _write_folder(tmp_path)
    Image.fromarray(np.full((64, 64), 30_000, np.uint16)).save(tmp_path / "000001.png")
    with pytest.raises(
        DataError, match=r"000001\.png has pixels of mode I;16; 8 bits a channel would be right"
    ):
        load(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere does not exist"):
        load(tmp_path / "nowhere")


def test_an_empty_folder_says_how_many_it_needs(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds 0 images .* at least 16"):
        load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n truncated"])
def test_a_corrupt_image_is_named(tmp_path: Path, content: bytes) -> None:
    _write_folder(tmp_path)
    (tmp_path / "000003.png").write_bytes(content)
    with pytest.raises(DataError, match=r"000003\.png is not a readable image"):
        load(tmp_path)


def test_a_truncated_jpeg_is_named(tmp_path: Path) -> None:
    _write_folder(tmp_path)
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:2000])
    with pytest.raises(DataError, match=r"a\.jpg is not a readable image"):
        load(tmp_path)


def test_a_too_small_image_says_its_size_and_the_bound(tmp_path: Path) -> None:
    _write_folder(tmp_path)
    Image.new("RGB", (63, 200)).save(tmp_path / "000001.png")
    with pytest.raises(
        DataError, match=r"000001\.png is 63×200 pixels; both sides must be at least 64"
    ):
        load(tmp_path)
