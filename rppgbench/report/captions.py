"""Captions by figure: its content, and how to read it."""

from __future__ import annotations

CAPTIONS = {
    "error_by_bitrate": (
        "The ranked error against the achieved bitrate, a panel a codec, with intervals over subjects. Rates fall to "
        "the right."
    ),
    "delta_psnr": (
        "What each enhancer adds to the face's PSNR (top), to the pulse's SNR against the method alone (middle), and "
        "to how much PSNR varies over time (bottom). PSNR gained with SNR lost is a picture mended and a pulse taken."
    ),
    "error_by_enhancer": (
        "The error behind each enhancer; the method alone is the line to beat. Hollow: the enhancer did not learn from "
        "this codec."
    ),
    "faces": "One face compressed, enhanced and as it was, and where the method looked.",
    "waves": "That face's wave without and with the enhancer, above the PSNR of each frame.",
    "losses": "Training losses of every fit: what has not levelled out was stopped early.",
    "train_rate_by_test_rate": (
        "A method that learnt under one condition, tested under another: whether training on compressed video is the "
        "simpler remedy."
    ),
    "bland_altman": (
        "Error against the mean of both rates (Bland & Altman 2007; repeated measures where a subject has several "
        "windows), a panel an entry: bias, limits of agreement and their intervals. Points "
        "that fall to the right tell of rates drawn towards their mean."
    ),
    "bland_altman_compressed": (
        "The same under a compressed condition, named in the figure's title: the middle rate of the first codec, "
        "unless --condition names one."
    ),
    "degradation_error": (
        "Each subject's error along the bitrates. A mean that rises because of a few subjects is another finding than "
        "one that rises because of all."
    ),
    "degradation_snr": "Each subject's pulse SNR along the bitrates: it falls before the error tells.",
    "critical_differences": (
        "Mean ranks over subjects. Entries that a bar joins are not told apart by Nemenyi's test; it knows ranks "
        "alone, not by how much, and so nothing of the label floor."
    ),
    "error_by_quality": (
        "Whether a measure of video quality tells how well the pulse is found. Spearman's rho is with minus the error "
        "(top) and with the SNR (bottom): the higher in either, the better the measure foretells."
    ),
    "hrv_scatter": "Features of variability, predicted against true: on the diagonal all is well.",
}
