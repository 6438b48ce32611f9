//! Taking typed fields out of a JSON object, and putting them back.

use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap},
};
use serde_json::{Map, Number, Value};

use super::metadata::{Extension, MetadataError, Place, shorten};

/// An object whose known fields are taken one by one; [`Fields::rest`] is what nobody took.
pub(super) struct Fields {
    map: Map<String, Value>,
    place: Place,
}

impl Fields {
    pub(super) fn new(map: Map<String, Value>, place: Place) -> Self {
        Self { map, place }
    }

    pub(super) fn rest(self) -> Map<String, Value> {
        self.map
    }

    pub(super) fn required<T>(&self, key: &str, value: Option<T>) -> Result<T, MetadataError> {
        value.ok_or_else(|| MetadataError::Missing { field: self.place.of(key) })
    }

    fn error(&self, key: &str, rule: &str, got: &Value) -> MetadataError {
        // Numbers are quoted as they are read: 2^63 must not become 9.2e18 in a message about it.
        let got = match got {
            Value::Array(_) => "an array".into(),
            Value::Object(_) => "an object".into(),
            Value::String(text) => format!("{:?}", shorten(text)),
            other => other.to_string(),
        };
        MetadataError::Field { field: self.place.of(key), rule: rule.into(), got }
    }

    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>, MetadataError> {
        match self.map.shift_remove(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.error(key, "a text", &other)),
        }
    }

    pub(super) fn flag(&mut self, key: &str) -> Result<Option<bool>, MetadataError> {
        match self.map.shift_remove(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(other) => Err(self.error(key, "true or false", &other)),
        }
    }

    pub(super) fn number(&mut self, key: &str) -> Result<Option<f64>, MetadataError> {
        match self.map.shift_remove(key) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(number.as_f64()),
            Some(other) => Err(self.error(key, "a number", &other)),
        }
    }

    /// A count or index: a whole number from 0 to 2^63 - 1. JSON knows one kind of number, so 0.0, -0 and 1e3 are whole.
    pub(super) fn index(&mut self, key: &str) -> Result<Option<u64>, MetadataError> {
        const RULE: &str = "a whole number from 0 to 2^63 - 1";
        let Some(value) = self.map.shift_remove(key) else { return Ok(None) };
        let whole = match &value {
            Value::Number(number) => number.as_u64().or_else(|| {
                // Below 2^53 every whole double is the number that was written.
                let float = number.as_f64()?;
                (float >= 0.0 && float < (1u64 << 53) as f64 && float.fract() == 0.0).then_some(float as u64)
            }),
            _ => None,
        };
        match whole {
            Some(whole) if whole <= i64::MAX as u64 => Ok(Some(whole)),
            _ => Err(self.error(key, RULE, &value)),
        }
    }

    pub(super) fn extensions(&mut self) -> Result<Option<Vec<Extension>>, MetadataError> {
        const KEY: &str = "core:extensions";
        let Some(value) = self.map.shift_remove(KEY) else { return Ok(None) };
        serde_json::from_value(value.clone())
            .map(Some)
            .map_err(|_| self.error(KEY, "a list of objects with name, version and optional", &value))
    }
}

/// The way back: fields that are there, in their order.
pub(super) struct Writer<M> {
    map: M,
    /// Every field of the type, set or not: `extra` may not bring it a second time.
    fields: Vec<&'static str>,
}

impl<M: SerializeMap> Writer<M> {
    pub(super) fn new<S: Serializer<SerializeMap = M, Ok = M::Ok, Error = M::Error>>(
        serializer: S,
    ) -> Result<Self, M::Error> {
        serializer.serialize_map(None).map(|map| Self { map, fields: Vec::with_capacity(16) })
    }

    pub(super) fn any<T: Serialize>(&mut self, key: &'static str, value: Option<&T>) -> Result<(), M::Error> {
        self.fields.push(key);
        value.map_or(Ok(()), |value| self.map.serialize_entry(key, value))
    }

    pub(super) fn text(&mut self, key: &'static str, value: Option<&str>) -> Result<(), M::Error> {
        self.any(key, value.as_ref())
    }

    pub(super) fn index(&mut self, key: &'static str, value: Option<u64>) -> Result<(), M::Error> {
        self.any(key, value.as_ref())
    }

    /// Whole numbers without a point: 250000, not 250000.0.
    pub(super) fn number(&mut self, key: &'static str, value: Option<f64>) -> Result<(), M::Error> {
        let Some(value) = value else { return self.any::<u64>(key, None) };
        let exact = value.fract() == 0.0
            && value.abs() < (1u64 << 53) as f64
            && !(value == 0.0 && value.is_sign_negative());
        if exact {
            self.any(key, Some(&(value as i64)))
        } else {
            self.any(key, Number::from_f64(value).as_ref())
        }
    }

    pub(super) fn finish(mut self, extra: &Map<String, Value>) -> Result<M::Ok, M::Error> {
        for (key, value) in extra {
            if self.fields.contains(&key.as_str()) {
                return Err(M::Error::custom(format_args!("extra repeats the field {key}")));
            }
            self.map.serialize_entry(key, value)?;
        }
        self.map.end()
    }
}
