"""Loaders of published datasets and of a user's own recordings, one module each; the user brings the files."""

from __future__ import annotations

from collections.abc import Iterator

from rppgbench.contracts import DatasetSpec
from rppgbench.hookspecs import hookimpl

_HERE = "rppgbench_datasets"


@hookimpl
def rppgbench_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="obf",
        factory=f"{_HERE}.obf:Obf",
        fixture=f"{_HERE}.obf:write_fixture",
        summary="Oulu Bio-Face: 200 five-minute videos of 100 adults at rest and after exercise, with ECG and BVP",
        cite="Li et al., The OBF database: a large face video database for remote physiological signal measurement "
        "and atrial fibrillation detection, FG 2018, doi:10.1109/FG.2018.00043",
        license="restricted: no redistribution",
        how_to_get=(
            "ask the Center for Machine Vision and Signal Analysis, University of Oulu, for a licence; "
            "its file names are not published, so describe your copy in a table manifest.csv in its folder "
            "('rppgbench data fixture obf FOLDER' writes an example)"
        ),
        protocol="obf_compressed",
    )
    yield DatasetSpec(
        name="manifest",
        factory=f"{_HERE}.own_recordings:ManifestDataset",
        fixture=f"{_HERE}.own_recordings:write_fixture",
        summary="Your own recordings, described by a table manifest.csv: ECG, BVP or a heart rate as truth",
        license="your own",
        how_to_get="write manifest.csv beside them ('rppgbench data fixture manifest FOLDER' writes an example)",
        protocol="own_data",
    )
    yield DatasetSpec(
        name="mahnob_hci",
        factory=f"{_HERE}.mahnob_hci:MahnobHci",
        fixture=f"{_HERE}.mahnob_hci:write_fixture",
        summary="MAHNOB-HCI: 527 videos of 27 people who watch film clips, 61 fps H.264, with three leads of ECG",
        cite="Soleymani, Lichtenauer, Pun & Pantic, A multimodal database for affect recognition and implicit "
        "tagging, IEEE Trans. Affective Computing 3(1), 2012, doi:10.1109/T-AFFC.2011.25",
        license="end-user licence agreement, academic: no redistribution",
        url="https://mahnob-db.eu/hci-tagging/",
        how_to_get="sign the agreement on the site, then download all sessions with video and physiology",
        protocol="mahnob_hci",
    )
    yield DatasetSpec(
        name="ubfc_rppg",
        factory=f"{_HERE}.ubfc_rppg:UbfcRppg",
        fixture=f"{_HERE}.ubfc_rppg:write_fixture",
        summary="UBFC-rPPG, DATASET_2 (realistic): 42 people for a minute each, raw 640x480 video, with BVP",
        cite="Bobbia, Macwan, Benezeth, Mansouri & Dubois, Unsupervised skin tissue segmentation for remote "
        "photoplethysmography, Pattern Recognition Letters 124, 2019, doi:10.1016/j.patrec.2017.10.017",
        license="academic use; its terms are not verified: no redistribution",
        url="https://sites.google.com/view/ybenezeth/ubfcrppg",
        how_to_get="download the folder DATASET_2 (about 70 GB) from the links on the site",
        protocol="ubfc_rppg_compressed",
    )
    yield DatasetSpec(
        name="ubfc_rppg_simple",
        factory=f"{_HERE}.ubfc_rppg_simple:UbfcRppgSimple",
        fixture=f"{_HERE}.ubfc_rppg_simple:write_fixture",
        summary="UBFC-rPPG, DATASET_1 (simple): 8 raw 640x480 videos of people who sit still, with BVP",
        cite="Bobbia, Macwan, Benezeth, Mansouri & Dubois, Unsupervised skin tissue segmentation for remote "
        "photoplethysmography, Pattern Recognition Letters 124, 2019, doi:10.1016/j.patrec.2017.10.017",
        license="academic use; its terms are not verified: no redistribution",
        url="https://sites.google.com/view/ybenezeth/ubfcrppg",
        how_to_get="download the folder DATASET_1 from the links on the site",
        protocol="ubfc_rppg_simple",
    )
    yield DatasetSpec(
        name="pure",
        factory=f"{_HERE}.pure:Pure",
        fixture=f"{_HERE}.pure:write_fixture",
        summary="PURE: 59 one-minute sequences of 10 people in six kinds of head motion, lossless PNG, with BVP",
        cite="Stricker, Müller & Gross, Non-contact video-based pulse rate measurement on a mobile service robot, "
        "RO-MAN 2014, doi:10.1109/ROMAN.2014.6926392",
        license="academic, on request: no redistribution",
        url="https://www.tu-ilmenau.de/universitaet/fakultaeten/fakultaet-informatik-und-automatisierung/profil/"
        "institute-und-fachgebiete/institut-fuer-technische-informatik-und-ingenieurinformatik/"
        "fachgebiet-neuroinformatik-und-kognitive-robotik/data-sets-code/pulse-rate-detection-dataset-pure",
        how_to_get="ask for access on the site, then unpack every archive where it lies",
        protocol="pure_compressed",
    )
    yield DatasetSpec(
        name="cohface",
        factory=f"{_HERE}.cohface:Cohface",
        fixture=f"{_HERE}.cohface:write_fixture",
        summary="COHFACE: 160 one-minute videos of 40 people in two lights, heavily compressed MPEG-4, with BVP",
        cite="Heusch, Anjos & Marcel, A reproducible study on remote heart rate measurement, arXiv:1709.00962, 2017",
        license="end-user licence agreement of Idiap, academic: no redistribution",
        url="https://www.idiap.ch/en/scientific-research/data/cohface",
        how_to_get="sign the agreement on the site, then download and unpack it",
        protocol="cohface",
    )
    yield DatasetSpec(
        name="ubfc_phys",
        factory=f"{_HERE}.ubfc_phys:UbfcPhys",
        fixture=f"{_HERE}.ubfc_phys:write_fixture",
        summary="UBFC-Phys: 168 three-minute videos of 56 people at rest, in speech and arithmetic, with wrist BVP",
        cite="Meziati Sabour, Benezeth, De Oliveira, Chappé & Yang, UBFC-Phys: a multimodal database for "
        "psychophysiological studies of social stress, IEEE Trans. Affective Computing 14(1), 2023, "
        "doi:10.1109/TAFFC.2021.3056960",
        license="see IEEE DataPort: no redistribution",
        url="https://ieee-dataport.org/open-access/ubfc-phys-2",
        how_to_get="download it from IEEE DataPort with a free account",
        protocol="ubfc_phys",
    )
    yield DatasetSpec(
        name="mmpd",
        factory=f"{_HERE}.mmpd:Mmpd",
        fixture=f"{_HERE}.mmpd:write_fixture",
        summary="MMPD: 660 one-minute phone videos of 33 people of skin types 3-6 in four lights, with BVP",
        cite="Tang et al., MMPD: multi-domain mobile video physiology dataset, EMBC 2023, arXiv:2302.03840",
        license="academic agreement: no redistribution",
        url="https://github.com/McJackTang/MMPD_rPPG_dataset",
        how_to_get="sign the agreement in the repository and send it in; take the full set, not the mini one",
        protocol="mmpd",
    )
    yield DatasetSpec(
        name="scamps",
        factory=f"{_HERE}.scamps:Scamps",
        fixture=f"{_HERE}.scamps:write_fixture",
        summary="SCAMPS: 2800 synthetic faces for 20 s each at 30 fps, uncompressed, with their pulse wave",
        cite="McDuff et al., SCAMPS: synthetics for camera measurement of physiological signals, NeurIPS 2022 "
        "Datasets and Benchmarks, arXiv:2206.04197",
        license="R-UDA: non-commercial research, redistribution under the same terms",
        url="https://github.com/danmcduff/scampsdataset",
        how_to_get="download it from the links in the repository: all (about 600 GB), or ten examples (1.2 GB)",
        protocol="scamps",
    )
    yield DatasetSpec(
        name="dasari2021",
        factory=f"{_HERE}.dasari2021:Dasari2021",
        fixture=f"{_HERE}.dasari2021:write_fixture",
        summary="Forehead and cheek patches of 88 people in India and Sierra Leone, heavily compressed, mean HR only",
        cite="Dasari, Prakash, Jeni & Tucker, Evaluation of biases in remote photoplethysmography methods, "
        "npj Digital Medicine 4, 91, 2021, doi:10.1038/s41746-021-00462-z",
        license="MIT",
        url="https://github.com/AiPEX-Lab/rppg_biases",
        redistributable=True,
        how_to_get="git clone https://github.com/AiPEX-Lab/rppg_biases and point to it",
        protocol="dasari2021",
    )
