//! The suite against the standard's worked examples and against recorded expansions.

use super::*;
use crate::testdata;

fn parse(text: &str) -> Bits {
    text.chars().filter(|c| matches!(c, '0' | '1')).map(|c| c == '1').collect()
}

/// What a test computes, whatever the length: the standard's examples are shorter than what it recommends.
fn values(test: Test, bits: &Bits, config: &Config) -> Vec<Value> {
    let plan = Plan::default();
    test.measure(&Sequence::new(bits, &plan), config).unwrap()
}

/// The first 100 bits of π.
const PI_100: &str =
    "1100100100001111110110101010001000100001011010001100001000110100110001001100011001100010100010111000";

/// Sections 2.x.4 and 2.x.8: bits, parameters, and the printed p-values.
#[test]
fn worked_examples() {
    let config = |edit: fn(&mut Config)| {
        let mut config = Config::default();
        edit(&mut config);
        config
    };
    let default = || Config::default();
    let serial_3 = config(|c| c.serial.length = 3);
    let entropy =
        [config(|c| c.approximate_entropy.length = 3), config(|c| c.approximate_entropy.length = 2)];
    let blocks = [config(|c| c.block_frequency.block = 3), config(|c| c.block_frequency.block = 10)];
    let template = config(|c| c.non_overlapping = NonOverlapping { length: 3, blocks: 2 });
    let longest = "11001100000101010110110001001100111000000000001001\
                   00110101010001000100111101011010000000110101111100\
                   1100111001101101100010110010";
    let examples: [(Test, &Config, &str, usize, f64); 17] = [
        (Test::Monobit, &default(), "1011010101", 0, 0.527089),
        (Test::Monobit, &default(), PI_100, 0, 0.109599),
        (Test::BlockFrequency, &blocks[0], "0110011010", 0, 0.801252),
        (Test::BlockFrequency, &blocks[1], PI_100, 0, 0.706438),
        (Test::Runs, &default(), "1001101011", 0, 0.147232),
        (Test::Runs, &default(), PI_100, 0, 0.500798),
        (Test::LongestRun, &default(), longest, 0, 0.180598),
        // Not printed there, see the test's own file: what the definition gives.
        (Test::Dft, &default(), "1001010011", 0, 0.468160),
        (Test::Dft, &default(), PI_100, 0, 0.646355),
        (Test::NonOverlapping, &template, "10100100101110010110", 0, 0.344154),
        (Test::Serial, &serial_3, "0011011101", 0, 0.808792),
        (Test::Serial, &serial_3, "0011011101", 1, 0.670320),
        (Test::ApproximateEntropy, &entropy[0], "0100110101", 0, 0.261961),
        (Test::ApproximateEntropy, &entropy[1], PI_100, 0, 0.235301),
        (Test::CumulativeSums, &default(), "1011010111", 0, 0.411659),
        (Test::CumulativeSums, &default(), PI_100, 0, 0.219194),
        (Test::CumulativeSums, &default(), PI_100, 1, 0.114866),
    ];
    for (test, config, bits, index, want) in examples {
        let got = &values(test, &parse(bits), config)[index];
        assert!((got.p_value - want).abs() < 6e-7, "{test:?} {bits}: {got:?}, the standard says {want}");
    }
}

/// The first `n` bits of a recorded expansion.
fn expansion(name: &str, n: usize) -> Option<Bits> {
    let text = std::fs::read_to_string(testdata::folder("randomness")?.join(name)).unwrap();
    Some(text.chars().filter(|c| !c.is_whitespace()).map(|c| c == '1').take(n).collect())
}

/// The first `n` binary digits of √`square`, its whole part included, for 2 and 3.
fn root(square: u128, n: usize) -> Bits {
    // A digit of 64 bits at a time, as on paper. Least significant digit first; `rest` is what the root's square leaves.
    let first = (square << 126).isqrt();
    let (mut root, rest) = (vec![first as u64], (square << 126) - first * first);
    let mut rest = vec![rest as u64, (rest >> 64) as u64];
    while 64 * root.len() < n {
        rest.splice(0..0, [0, 0]);
        root.insert(0, 0);
        let k = root.len();
        rest.resize(k + 2, 0);
        // rest / (2 root) by their leading digits is not less than the digit, and hardly more.
        let lead = u128::from(rest[k + 1]) << 127 | u128::from(rest[k]) << 63 | u128::from(rest[k - 1] >> 1);
        let digit = (lead / u128::from(root[k - 1])).min(u64::MAX.into()) as u64;
        // (root + digit)² - root² = digit · root + digit · (root + digit)
        let mut below = subtract(&mut rest, &root, digit);
        root[0] = digit;
        below += subtract(&mut rest, &root, digit);
        while below > 0 {
            below -= add(&mut rest, &root);
            root[0] -= 1;
            below -= add(&mut rest, &root);
        }
    }
    root.iter().rev().flat_map(|digit| (0..64).rev().map(move |k| digit >> k & 1 == 1)).take(n).collect()
}

/// `rest -= digit · root`; returns 1 if it fell below zero.
fn subtract(rest: &mut [u64], root: &[u64], digit: u64) -> u64 {
    let mut carry = 0u128;
    for (rest, root) in rest.iter_mut().zip(root.iter().copied().chain([0, 0])) {
        carry += u128::from(root) * u128::from(digit);
        let (less, borrow) = rest.overflowing_sub(carry as u64);
        *rest = less;
        carry = (carry >> 64) + u128::from(borrow);
    }
    carry as u64
}

/// `rest += root`; returns 1 if it came back above zero.
fn add(rest: &mut [u64], root: &[u64]) -> u64 {
    let mut carry = 0;
    for (rest, root) in rest.iter_mut().zip(root.iter().copied().chain([0, 0])) {
        let sum = u128::from(*rest) + u128::from(root) + carry;
        *rest = sum as u64;
        carry = sum >> 64;
    }
    carry as u64
}

/// p-values of the first million bits of π, e, √2, √3: the standard's tool gives the same. The first template is 000000001;
/// the states of the walk are +1 and -1.
const TABLE: [(Test, &str, [f64; 4]); 15] = [
    (Test::Monobit, "", [0.578211, 0.953749, 0.811881, 0.610051]),
    (Test::BlockFrequency, "", [0.380615, 0.211072, 0.833222, 0.473961]),
    (Test::Runs, "", [0.419268, 0.561917, 0.313427, 0.261123]),
    (Test::LongestRun, "", [0.024390, 0.718945, 0.012117, 0.446726]),
    (Test::Rank, "", [0.083553, 0.306156, 0.823810, 0.314498]),
    (Test::Dft, "", [0.010186, 0.847187, 0.581909, 0.776046]),
    (Test::NonOverlapping, "000000001", [0.165757, 0.078790, 0.569461, 0.532235]),
    (Test::Overlapping, "", [0.296897, 0.110434, 0.791982, 0.082716]),
    (Test::Universal, "", [0.669012, 0.282568, 0.130805, 0.165981]),
    (Test::LinearComplexity, "", [0.255475, 0.826335, 0.317127, 0.346469]),
    (Test::Serial, "first difference", [0.143005, 0.766182, 0.861925, 0.157500]),
    (Test::ApproximateEntropy, "", [0.361595, 0.700073, 0.884740, 0.180481]),
    (Test::CumulativeSums, "forward", [0.628308, 0.669887, 0.879009, 0.917121]),
    (Test::RandomExcursions, "x=+1", [0.844143, 0.786868, 0.216235, 0.783283]),
    (Test::RandomExcursionsVariant, "x=-1", [0.760966, 0.826009, 0.566118, 0.155066]),
];

/// The report of the first million bits against a column of the table, to the last digit that is printed there.
fn check_column(name: &str, bits: &Bits, column: usize) {
    let report = report(bits, 1, &Config::default()).unwrap();
    let mut wrong = Vec::new();
    for (test, label, want) in TABLE {
        let rows = &report.tests.iter().find(|report| report.test == test).unwrap().rows;
        let row = rows.iter().find(|row| row.label == label).unwrap();
        let (got, want) = (row.p_values[0], want[column]);
        if (got - want).abs() > 1e-6 {
            wrong.push(format!("{test:?} {got:.7}, the standard's tool {want}"));
        }
    }
    assert!(wrong.is_empty(), "{name}: {wrong:#?}");
    let counts: Vec<_> = report.tests.iter().map(|test| test.rows.len()).collect();
    assert_eq!(counts, [1, 1, 1, 1, 1, 1, 148, 1, 1, 1, 2, 1, 2, 8, 18], "{name}");
    assert!(report.conspicuous.is_empty(), "{name}: {}", report.verdict);
}

#[test]
fn expansions_of_roots() {
    let (two, three) = (root(2, 1_000_000), root(3, 1_000_000));
    check_column("√2", &two, 2);
    check_column("√3", &three, 3);
}

#[test]
fn recorded_expansions() {
    let Some(pi) = expansion("data.pi", 1_000_000) else { return };
    assert_eq!(pi.iter().take(100).collect::<Bits>(), parse(PI_100));
    check_column("π", &pi, 0);
    let Some(e) = expansion("data.e", 1_000_000) else { return };
    check_column("e", &e, 1);
}

/// The examples of sections 2.x.8 on the expansion of e: statistics and p-values as printed.
#[test]
fn worked_examples_on_e() {
    let Some(e) = expansion("data.e", 1_000_000) else { return };
    let serial = Config { serial: Serial { length: 2 }, ..Config::default() };
    let complexity = Config { linear_complexity: LinearComplexity { block: 1000 }, ..Config::default() };
    let config = Config::default();
    let check = |test, config: &Config, bits: &Bits, index: usize, statistic: f64, p: f64| {
        let got = &values(test, bits, config)[index];
        let close = |got: f64, want: f64| (got - want).abs() < 1.1e-6;
        assert!(
            close(got.statistic, statistic) && close(got.p_value, p),
            "{test:?}: {got:?}, {statistic} {p}"
        );
    };
    // Section 2.5.8 on the first 100,000 digits; it rounds the probabilities to four digits.
    let got = &values(Test::Rank, &e.iter().take(100_000).collect(), &config)[0];
    assert!((got.p_value - 0.532069).abs() < 2e-4, "{got:?}");
    check(Test::Overlapping, &config, &e, 0, 8.965859, 0.110434);
    check(Test::LinearComplexity, &complexity, &e, 0, 2.700348, 0.845406);
    check(Test::Serial, &serial, &e, 0, 0.339764, 0.843764);
    check(Test::Serial, &serial, &e, 1, 0.336400, 0.561915);
    let excursions = [
        (3.835698, 0.573306),
        (7.318707, 0.197996),
        (7.861927, 0.164011),
        (15.692617, 0.007779),
        (2.430872, 0.786868),
        (4.798906, 0.440912),
        (2.357041, 0.797854),
        (2.488767, 0.778186),
    ];
    for (index, (statistic, p)) in excursions.into_iter().enumerate() {
        check(Test::RandomExcursions, &config, &e, index, statistic, p);
    }
    let variants = [
        (1450, 0.858946),
        (1435, 0.794755),
        (1380, 0.576249),
        (1366, 0.493417),
        (1412, 0.633873),
        (1475, 0.917283),
        (1480, 0.934708),
        (1468, 0.816012),
        (1502, 0.826009),
        (1409, 0.137861),
        (1369, 0.200642),
        (1396, 0.441254),
        (1479, 0.939291),
        (1599, 0.505683),
        (1628, 0.445935),
        (1619, 0.512207),
        (1620, 0.538635),
        (1610, 0.593930),
    ];
    for (index, (visits, p)) in variants.into_iter().enumerate() {
        check(Test::RandomExcursionsVariant, &config, &e, index, f64::from(visits), p);
    }
}

/// Bits of a good generator.
fn random(n: usize, seed: u64) -> Bits {
    use rand::{Rng, SeedableRng};
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    Bits::from_words((0..n.div_ceil(64)).map(|_| rng.next_u64()).collect(), n).unwrap()
}

/// Random bits are not conspicuous, and each defect is seen by the tests that are made for it.
#[test]
fn defects_are_seen() {
    let n = 1 << 20;
    let good = random(n, 1);
    let config = Config::default();
    let flagged = |bits: &Bits| report(bits, 1, &config).unwrap().conspicuous;
    assert_eq!(flagged(&good), Vec::<String>::new());
    let edit = |change: &dyn Fn(usize, bool) -> bool| -> Bits {
        good.iter().enumerate().map(|(k, b)| change(k, b)).collect()
    };
    let biased = edit(&|k, bit| bit || k % 100 == 0);
    let periodic = edit(&|k, bit| if k % 8 == 0 { k % 16 == 0 } else { bit });
    let sticky: Bits =
        (0..n).map(|k| good.get(if k % 20 == 0 { k.max(1) - 1 } else { k }).unwrap()).collect();
    let repeated: Bits = (0..n).map(|k| good.get(k % 512).unwrap()).collect();
    for (name, bits, test) in [
        ("biased", biased, "monobit"),
        ("periodic", periodic, "dft"),
        ("sticky", sticky, "runs"),
        ("repeated", repeated.clone(), "universal"),
        ("repeated", repeated, "rank"),
    ] {
        let flagged = flagged(&bits);
        assert!(flagged.iter().any(|row| row == test), "{name}: {flagged:?}");
    }
    // A register of 31 bits: the linear complexity of every block is 31.
    let mut state = vec![true; 31];
    for k in 31..n {
        state.push(state[k - 31] ^ state[k - 28]);
    }
    let flagged = flagged(&state.iter().copied().collect());
    assert!(flagged.iter().any(|row| row == "linear_complexity"), "{flagged:?}");
}

/// Why passing proves nothing: 521 bits of secret, a million bits that nothing here objects to.
#[test]
fn a_shift_register_passes() {
    let start: Vec<bool> = random(521, 2).iter().collect();
    let mut state = start;
    for k in 521..1_000_000 {
        state.push(state[k - 521] ^ state[k - 489]);
    }
    let report = report(&state.into_iter().collect(), 1, &Config::default()).unwrap();
    assert!(report.conspicuous.is_empty(), "{}", report.verdict);
    assert!(report.caveat.contains("not a proof of entropy"));
}

/// Sections 4.2.1 and 4.2.2, and that cutting, threads and the choice of tests change no figure.
#[test]
fn many_sequences() {
    let (n, s) = (8192, 120);
    let bits = random(n * s + 17, 3);
    let quick = [Test::Monobit, Test::Runs, Test::Dft, Test::CumulativeSums, Test::Rank];
    let config = Config { tests: quick.to_vec(), ..Config::default() };
    let report = report(&bits, s, &config).unwrap();
    assert_eq!((report.sequence_length, report.p_values), (n, 5 * s));
    assert!(report.conspicuous.is_empty(), "{}", report.verdict);
    let first: Bits = bits.iter().skip(n).take(n).collect();
    for test_report in &report.tests[..4] {
        let Outcome::Values(values) = test(test_report.test, &first, &config).unwrap() else { panic!() };
        for (row, value) in test_report.rows.iter().zip(values) {
            assert_eq!((row.p_values[1], row.statistics[1]), (value.p_value, value.statistic));
            assert_eq!(row.passed, row.p_values.iter().filter(|p| **p >= 0.01).count());
            assert!(row.uniformity.unwrap() > 1e-4);
        }
    }
    let rank = &report.tests[4];
    assert_eq!((rank.applicable, rank.rows.len()), (0, 0));
    assert_eq!(rank.not_applicable.unwrap().to_string(), "not applicable: needs 38912 bits, got 8192");
    let threads = super::report(&bits, s, &Config { parallel: true, ..config.clone() }).unwrap();
    assert_eq!(threads.tests, report.tests);
    // The standard's own example: 1000 sequences, alpha 0.01, 0.99 ± 0.0094392.
    let many =
        super::report(&random(100_000, 4), 1000, &Config { tests: vec![Test::Monobit], ..config }).unwrap();
    let [low, high] = many.tests[0].rows[0].proportion_interval;
    assert!((low - 0.9805607).abs() < 1e-7 && (high - 0.9994392).abs() < 1e-7, "{low} {high}");
    // Of 100 bits the monobit test sees 51 values only: its p-values cannot be uniform, and are not.
    assert_eq!(many.conspicuous, ["monobit"]);
}

#[test]
fn short_and_hostile_input() {
    let config = Config::default();
    for n in [0, 1, 2, 7, 63, 64, 65, 99, 100, 101, 127, 128, 129, 999, 1000, 1001, 20_521] {
        for bits in [Bits::zeros(n), random(n, 5), (0..n).map(|_| true).collect()] {
            for &which in Test::ALL {
                match test(which, &bits, &config).unwrap() {
                    Outcome::Values(values) => {
                        assert!(n >= which.need(&config));
                        assert!(
                            values.iter().all(|value| (0.0..=1.0).contains(&value.p_value)),
                            "{values:?}"
                        );
                    }
                    Outcome::NotApplicable(why) => assert_eq!((why.need, why.got), (which.need(&config), n)),
                }
            }
            let report = report(&bits, 1, &config);
            if n < 100 {
                let text = format!("every sequence of a randomness report needs at least 100 bits, got {n}");
                assert_eq!(report.unwrap_err().to_string(), text);
            } else {
                assert!(report.is_ok());
            }
        }
    }
    // Constant bits are conspicuous wherever a test applies.
    for bits in [Bits::zeros(1_000_000), (0..1_000_000).map(|_| true).collect()] {
        let report = report(&bits, 1, &config).unwrap();
        assert!(report.conspicuous.len() > 100, "{}", report.verdict);
        let p = report.tests.iter().flat_map(|test| &test.rows).flat_map(|row| &row.p_values);
        assert!(p.into_iter().all(|p| (0.0..=1.0).contains(p)));
        assert_eq!(report.tests[13].not_applicable.unwrap().unit, "cycles");
    }
    for (text, says) in [
        (
            r#"{"block_frequency":{"block":18446744073709551615}}"#,
            "block_frequency.block must be within 20..=2^28",
        ),
        (r#"{"block_frequency":{"block":0}}"#, "block_frequency.block"),
        (r#"{"non_overlapping":{"length":60}}"#, "non_overlapping.length"),
        (r#"{"non_overlapping":{"blocks":0}}"#, "non_overlapping.blocks"),
        (r#"{"overlapping":{"block":18446744073709551615}}"#, "overlapping.block"),
        (r#"{"overlapping":{"length":1}}"#, "overlapping.length"),
        (r#"{"universal":{"length":40}}"#, "universal.length"),
        (r#"{"linear_complexity":{"block":1000000000000}}"#, "linear_complexity.block"),
        (r#"{"serial":{"length":64}}"#, "serial.length"),
        (r#"{"approximate_entropy":{"length":0}}"#, "approximate_entropy.length"),
        (r#"{"alpha":0.5}"#, "alpha"),
        (r#"{"tests":[]}"#, "tests must be 1 to 15 names, got 0"),
    ] {
        let config: Config = serde_json::from_str(text).unwrap();
        let err = report(&random(1000, 6), 1, &config).unwrap_err().to_string();
        assert!(err.contains(says), "{text}: {err}");
    }
    assert!(serde_json::from_str::<Config>(r#"{"serial":{"lenght":3}}"#).is_err());
    let err = report(&random(1000, 6), 0, &config).unwrap_err();
    assert_eq!(err.to_string(), "sequences must be within 1..=10000, got 0");
}

/// Every parameter at its bounds, over what lengths it applies to.
#[test]
fn parameters() {
    let bits = random(1 << 20, 7);
    for text in [
        r#"{"exact":true}"#,
        r#"{"block_frequency":{"block":20},"overlapping":{"length":2,"block":33},"universal":{"length":7}}"#,
        r#"{"block_frequency":{"block":20011},"overlapping":{"length":10},"linear_complexity":{"block":5000},"exact":true}"#,
        r#"{"non_overlapping":{"length":2,"blocks":100},"serial":{"length":2},"approximate_entropy":{"length":1}}"#,
        r#"{"non_overlapping":{"length":14,"blocks":3},"serial":{"length":17},"approximate_entropy":{"length":14}}"#,
        r#"{"linear_complexity":{"block":501},"universal":{"length":6}}"#,
    ] {
        let config: Config = serde_json::from_str(text).unwrap();
        let report = report(&bits, 1, &config).unwrap();
        assert!(report.conspicuous.is_empty(), "{text}: {}", report.verdict);
        let applied = report.tests.iter().filter(|test| test.applicable == 1).count();
        assert!(applied >= 13, "{text}: {}", report.verdict);
    }
}
