"""The simulator through Python: seeds, theory, and its errors. Its physics is tested in Rust."""

import numpy as np
import pytest
import scipy.special

import phy_sec
from phy_sec import sim


def test_noise_has_its_power_and_its_seed():
    x = sim.noise(100_000, 0.25, seed=7)
    assert x.dtype == np.complex64
    assert np.mean(np.abs(x) ** 2) == pytest.approx(0.25, rel=4 / np.sqrt(x.size))
    np.testing.assert_array_equal(x, sim.noise(100_000, 0.25, seed=7))
    assert not np.array_equal(x, sim.noise(100_000, 0.25, seed=8))


def test_a_link_is_as_correlated_as_theory_says():
    """One flat path: the gains of Alice and Bob correlate by J0(2 pi f_d delay) / (1 + 1/snr)."""
    doppler, delay = 10.0, 0.01
    probes = sim.link(
        seed=3, rounds=4000, interval=0.5, probing_delay=delay, subcarriers=1, snr_db=20.0, eve_snr_db=20.0,
        eve=("correlation", 0.6), fading={"profile": "flat", "doppler": doppler},
    )
    alice, bob, eve = (np.ravel(side.gains).astype(complex) for side in (probes.alice, probes.bob, probes.eve))
    correlation = lambda a, b: np.vdot(b, a) / np.sqrt(np.vdot(a, a).real * np.vdot(b, b).real)
    expected = scipy.special.j0(2 * np.pi * doppler * delay) / 1.01
    assert abs(correlation(alice, bob) - expected) < 0.03
    assert abs(correlation(eve, bob) - 0.6 / 1.01) < 0.06
    assert len(probes.alice) == 4000
    assert probes.alice.gains.shape == (4000, 1, 1) and probes.alice.time.shape == (4000,)
    assert probes.bob.sequence.dtype == np.uint64


def test_csi_keeps_what_it_was_given(rng):
    gains = (rng.standard_normal((5, 4, 3)) + 0j).astype(np.complex64)
    csi = phy_sec.Csi(gains, np.arange(5.0), np.arange(5, dtype=np.uint64))
    np.testing.assert_array_equal(csi.gains, gains)
    np.testing.assert_array_equal(csi.time, np.arange(5.0))
    np.testing.assert_array_equal(csi.sequence, np.arange(5))
    assert phy_sec.Csi(gains, np.arange(5.0)).sequence is None
    assert repr(csi) == "Csi(5 times, 4 subcarriers, 3 antennas)"


def test_csi_whose_parts_do_not_fit():
    gains = np.zeros((5, 4, 3), np.complex64)
    with pytest.raises(phy_sec.ShapeError, match="time"):
        phy_sec.Csi(gains, np.arange(4.0))
    with pytest.raises(phy_sec.ShapeError, match=r"^gains must be a 3-D complex64 array; got complex64 of shape \(5, 12\)"):
        phy_sec.Csi(gains.reshape(5, 12), np.arange(5.0))
    with pytest.raises(phy_sec.NotFiniteError):
        phy_sec.Csi(gains, np.array([0, 1, 2, 3, np.nan]))


def test_impairments_do_what_they_are_called(noise):
    x, sample_rate = noise(4096), 1e6
    np.testing.assert_array_equal(sim.impair(x, sample_rate, seed=1), x)
    shifted = sim.impair(x, sample_rate, seed=1, cfo=12_500.0)
    np.testing.assert_allclose(shifted, phy_sec.rotate(x, 12_500.0, sample_rate), atol=1e-6 * np.abs(x).max() * 4)
    leaky = sim.impair(x, sample_rate, seed=1, iq_offset=[0.1, -0.2])
    np.testing.assert_allclose(leaky - x, 0.1 - 0.2j, atol=1e-6)
    assert sim.impair(x, sample_rate, seed=1, sfo_ppm=1000.0).size == pytest.approx(4096 / 1.001, abs=1)


def test_fading_keeps_the_mean_power(noise):
    x = noise(4096)
    powers = [
        np.mean(np.abs(sim.fade(x, 1e6, seed=seed, profile="flat", doppler=0.0)) ** 2) for seed in range(400)
    ]
    assert np.mean(powers) / np.mean(np.abs(x) ** 2) == pytest.approx(1, abs=4 / np.sqrt(400))


def test_a_jammer_is_as_strong_as_it_was_asked_to_be(noise):
    x = noise(50_000)
    jammer = {"kind": "window", "start": 0.01, "duration": 0.02, "of": {"kind": "tone", "frequency": 1e5}}
    mixed = sim.mix(x, jammer, ("jsr", 6.0), 1e6, seed=2)
    assert mixed.active == [(10_000, 30_000)]
    on = mixed.jammer[10_000:30_000]
    assert np.mean(np.abs(on) ** 2) == pytest.approx(10**0.6 * np.mean(np.abs(x) ** 2), rel=1e-4)
    assert not mixed.jammer[:10_000].any() and not mixed.jammer[30_000:].any()
    np.testing.assert_allclose(mixed.samples, x + mixed.jammer, atol=1e-5)
    peak = phy_sec.welch(on, size=1000, hop=1000, sample_rate=1e6).argmax()
    assert (peak - 500) * 1e3 == 1e5


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda x: sim.noise(1 << 40, seed=1), "n must be a whole number within 0..=268435456; got 1099511627776"),
        (lambda x: sim.noise(1, -1.0, seed=1), "power must be at least 0 and finite, got -1"),
        (lambda x: sim.link(seed=1, round=3), "link: unknown keyword `round`, expected one of `fading`, `rounds`, "),
        (lambda x: sim.link(seed=1, fading={"profil": 3}), "link: fading: unknown keyword `profil`, expected one of "),
        (lambda x: sim.link(seed=1, snr_db=float("inf")), "snr_db must be finite; got inf"),
        (lambda x: sim.mix(x, {"kind": "tune"}, ("jsr", 0), 1e6, seed=1), "jammer: kind: unknown name `tune`, expected one of `barrage`, "),
        (lambda x: sim.mix(x, {"kind": "tone"}, ("jsr", 0), 1e6, seed=1), "jammer: missing keyword `frequency`"),
        (lambda x: sim.noise(1, seed=-1), "seed must be a whole number within 0..=2^64-1; got -1"),
        (lambda x: sim.mix(x, {"kind": "tone", "frequency": 1e9}, ("jsr", 0), 1e6, seed=1), "frequency must be within half the sample rate"),
        (lambda x: sim.mix(x, {"kind": "tone", "frequency": 1e3}, ("jam", 0), 1e6, seed=1), "ratio: unknown name `jam`, expected one of `jsr`, "),
        (lambda x: sim.impair(x, 1e6, seed=1, cfoo=1), "impair: unknown keyword `cfoo`, expected one of "),
        (lambda x: sim.fade(x, 0.0, seed=1), ""),
    ],
)
def test_errors_name_the_argument(noise, call, text):
    with pytest.raises(phy_sec.InputError) as caught:
        call(noise(1000))
    assert str(caught.value).startswith(text)


def test_a_seed_must_be_given():
    with pytest.raises(TypeError, match="seed"):
        sim.noise(10)
