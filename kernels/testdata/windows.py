"""Writes windows.csv: the windows as SciPy has them. `python3 windows.py > windows.csv` (SciPy 1.17.1 made the file here)."""
from scipy.signal import get_window

FAMILIES = """boxcar triang bartlett hann hamming blackman blackmanharris nuttall flattop cosine parzen bohman
barthann lanczos taylor""".split() + [("exponential", None, 3.0), ("tukey", 0.25), ("tukey", 1.0), ("kaiser", 8.6), ("gaussian", 2.5)]
print("family,parameter,periodic,points")
for family in FAMILIES:
    name, parameter = (family, "") if isinstance(family, str) else (family[0], family[-1])
    for n in (2, 7, 8, 13):
        for periodic in (0, 1):
            points = get_window(family, n, fftbins=bool(periodic))
            print(f"{name},{parameter},{periodic}," + " ".join(f"{p:.15g}" for p in points))
