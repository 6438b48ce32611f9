//! Metadata survives: whatever is read is written so that the next reader sees the same.

use proptest::{collection::vec, option, prelude::*};
use sdr_io::{
    Datatype,
    sigmf::{Annotation, Capture, Extension, Global, Map, Metadata, Value},
};

const MAX: u64 = i64::MAX as u64;

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e300..1e300f64).prop_map(Value::from),
        any::<f64>().prop_filter_map("JSON has no NaN", |x| serde_json::Number::from_f64(x).map(Value::from)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((any::<String>(), inner), 0..5).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn extra() -> impl Strategy<Value = Map<String, Value>> {
    vec(("[a-z]{1,6}:[a-z_]{1,12}", json()), 0..4)
        .prop_map(|pairs| pairs.into_iter().filter(|(key, _)| !key.starts_with("core:")).collect())
}

fn text() -> impl Strategy<Value = Option<String>> {
    option::of(any::<String>())
}

prop_compose! {
    fn global()(
        datatype in prop::sample::select(Datatype::all().collect::<Vec<_>>()),
        version in "[0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]{1,2}",
        sample_rate in option::of(prop_oneof![1e-9..1e12f64, (1..1_000_000_000u32).prop_map(f64::from)]),
        num_channels in option::of(1..=4096u64),
        offset in option::of(0..1u64 << 40),
        sha512 in option::of("[0-9a-fA-F]{128}"),
        dataset in option::of("[a-zäß0-9 _-]{0,20}[a-z0-9]\\.bin"),
        trailing_bytes in option::of(0..=MAX),
        texts in (text(), text(), text(), text(), text()),
        extensions in option::of(vec(("[a-z]{1,9}", "[0-9]\\.[0-9]\\.[0-9]", any::<bool>()), 0..3)),
        extra in extra(),
    ) -> Global {
        let metadata_only = None;
        let (description, author, hw, recorder, license) = texts;
        let extensions = extensions.map(|list| {
            list.into_iter().map(|(name, version, optional)| Extension { name, version, optional }).collect()
        });
        let dataset = dataset.map(|name: String| name.trim_start().to_owned());
        Global {
            datatype, version, sample_rate, num_channels, offset, sha512, dataset, trailing_bytes, metadata_only,
            description, author, hw, recorder, license, extensions, extra,
        }
    }
}

prop_compose! {
    fn capture()(
        sample_start in (1u64 << 40)..=MAX,
        global_index in option::of(0..=MAX),
        header_bytes in option::of(0..=MAX),
        frequency in option::of(-1e12..1e12f64),
        datetime in option::of((0..4_000_000_000i64, 0..1_000_000_000i32)),
        extra in extra(),
    ) -> Capture {
        let datetime = datetime.map(|(s, ns)| jiff::Timestamp::new(s, ns).unwrap().to_string());
        Capture { sample_start, global_index, header_bytes, frequency, datetime, extra }
    }
}

prop_compose! {
    fn annotation()(
        sample_start in (1u64 << 40)..=MAX,
        sample_count in option::of(0..=MAX),
        edges in option::of((-1e12..1e12f64, -1e12..1e12f64)),
        texts in (text(), text(), text(), text()),
        extra in extra(),
    ) -> Annotation {
        let (label, comment, generator, uuid) = texts;
        Annotation {
            sample_start, sample_count,
            freq_lower_edge: edges.map(|(a, b)| a.min(b)), freq_upper_edge: edges.map(|(a, b)| a.max(b)),
            label, comment, generator, uuid, extra,
        }
    }
}

prop_compose! {
    fn metadata()(
        global in global(),
        mut captures in vec(capture(), 0..5),
        mut annotations in vec(annotation(), 0..5),
        top in extra(),
    ) -> Metadata {
        captures.sort_by_key(|capture| capture.sample_start);
        annotations.sort_by_key(|annotation| annotation.sample_start);
        Metadata { global, captures, annotations, extra: top }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Write, read, write: the same value and the same bytes, keys of strangers in their order.
    #[test]
    fn survives_write_read_write(metadata in metadata()) {
        let mut first = Vec::new();
        metadata.write(&mut first).unwrap();
        let read = Metadata::parse(&first).unwrap();
        prop_assert_eq!(&read, &metadata);
        let keys = |map: &Map<String, Value>| map.keys().cloned().collect::<Vec<_>>();
        prop_assert_eq!(keys(&read.global.extra), keys(&metadata.global.extra));
        let mut second = Vec::new();
        read.write(&mut second).unwrap();
        prop_assert_eq!(first, second);
    }
}

#[test]
fn an_extra_key_cannot_shadow_a_field() {
    let mut metadata = Metadata::new(Datatype::CU8);
    metadata.global.extra.insert("core:author".into(), "x".into());
    let error = metadata.write(Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "the metadata could not be read: extra repeats the field core:author");
}

#[test]
fn an_annotation_from_any_object_with_its_names() {
    let event = serde_json::json!({
        "core:sample_start": 5, "core:sample_count": 7, "core:label": "tone", "class": "tone", "pfa": 1e-3,
    });
    let annotation: Annotation = serde_json::from_value(event.clone()).unwrap();
    assert_eq!((annotation.sample_start, annotation.sample_count), (5, Some(7)));
    assert_eq!(annotation.extra["pfa"], 1e-3);
    assert_eq!(serde_json::to_value(&annotation).unwrap(), event);
}

/// Whole numbers have no point, so that a sample rate looks as people write it.
#[test]
fn what_it_looks_like() {
    let mut metadata = Metadata::new(Datatype::CI16_LE);
    metadata.global.sample_rate = Some(2.4e6);
    metadata.captures.push(Capture { frequency: Some(433.92e6), ..Capture::new(0) });
    metadata.annotations.push(Annotation::new(10, 20));
    let mut json = Vec::new();
    metadata.write(&mut json).unwrap();
    let want = r#"{
    "global": {
        "core:datatype": "ci16_le",
        "core:version": "1.2.5",
        "core:sample_rate": 2400000
    },
    "captures": [
        {
            "core:sample_start": 0,
            "core:frequency": 433920000
        }
    ],
    "annotations": [
        {
            "core:sample_start": 10,
            "core:sample_count": 20
        }
    ]
}
"#;
    assert_eq!(String::from_utf8(json).unwrap(), want);
}
