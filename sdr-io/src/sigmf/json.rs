//! JSON that an attacker wrote, read as a stream: depth, size and number of values are bounded, a key
//! occurs once, and each capture and annotation becomes a typed value before the next is read.

use std::{
    cell::{Cell, RefCell},
    fmt,
    io::{BufRead, BufReader, Read},
};

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::metadata::{Annotation, Capture, Global, Metadata, MetadataError};

/// Most bytes of metadata: a million annotations, indented, are about 150 MB.
pub const MAX_BYTES: u64 = 256 << 20;
/// Deepest nesting of objects and lists.
pub const MAX_DEPTH: usize = 64;
/// Most captures, and most annotations.
pub const MAX_SEGMENTS: usize = 2 << 20;
/// Most values under keys that the specification does not name.
pub const MAX_VALUES: usize = 4 << 20;

pub(super) fn read(reader: impl Read) -> Result<Metadata, MetadataError> {
    let io = |error: std::io::Error| MetadataError::Io(error.to_string());
    // One byte more than allowed: whoever uses it up was too long.
    let left = Cell::new(MAX_BYTES + 1);
    let mut reader = BufReader::with_capacity(1 << 16, Limited { reader, left: &left });
    match reader.fill_buf().map_err(io)? {
        [] => return Err(MetadataError::Empty),
        [0xEF, 0xBB, 0xBF, ..] => return Err(MetadataError::Encoding { mark: "byte order mark" }),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => {
            return Err(MetadataError::Encoding { mark: "byte order mark of UTF-16" });
        }
        [b'{', 0, _, 0, ..] | [0, b'{', 0, _, ..] => {
            return Err(MetadataError::Encoding { mark: "letter of UTF-16" });
        }
        _ => {}
    }
    let context = Context { problem: RefCell::new(None), values: Cell::new(0) };
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let result = Root(&context).deserialize(&mut deserializer);
    let result = result.and_then(|metadata| deserializer.end().map(|()| metadata));
    if left.get() == 0 {
        return Err(MetadataError::TooMuch { what: "bytes of metadata", limit: MAX_BYTES });
    }
    result.map_err(|error| {
        let (line, column) = (error.line(), error.column());
        match context.problem.into_inner() {
            Some(MetadataError::DuplicateKey { key, .. }) => {
                MetadataError::DuplicateKey { key, line, column }
            }
            Some(problem) => problem,
            None if error.is_io() => MetadataError::Io(error.to_string()),
            None => {
                let text = error.to_string();
                let place = format!(" at line {line} column {column}");
                MetadataError::Json {
                    problem: text.strip_suffix(&place).unwrap_or(&text).into(),
                    line,
                    column,
                }
            }
        }
    })
}

/// A reader that ends after so many bytes, and lets its user see whether it did. (`Take` would have to be asked, but the
/// parser keeps it; lent to the parser it would be twice as slow.)
struct Limited<'a, R> {
    reader: R,
    left: &'a Cell<u64>,
}

impl<R: Read> Read for Limited<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left.get()).unwrap_or(usize::MAX));
        let n = self.reader.read(&mut buffer[..most])?;
        self.left.set(self.left.get() - n as u64);
        Ok(n)
    }
}

/// What the visitors share. Serde's errors are texts; `problem` keeps ours whole.
struct Context {
    problem: RefCell<Option<MetadataError>>,
    /// Values that stay in memory as JSON.
    values: Cell<usize>,
}

impl Context {
    fn fail<T, E: serde::de::Error>(&self, problem: MetadataError) -> Result<T, E> {
        let error = E::custom(&problem);
        self.problem.replace(Some(problem));
        Err(error)
    }

    fn keep<T, E: serde::de::Error>(&self, result: Result<T, MetadataError>) -> Result<T, E> {
        result.or_else(|problem| self.fail(problem))
    }
}

/// The outermost object.
struct Root<'a>(&'a Context);

impl<'de> DeserializeSeed<'de> for Root<'_> {
    type Value = Metadata;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Metadata, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Root<'_> {
    type Value = Metadata;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with global, captures and annotations")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Metadata, A::Error> {
        let context = self.0;
        let (mut global, mut captures, mut annotations) = (None, None, None);
        let mut extra = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let twice = match key.as_str() {
                "global" => {
                    let map = access.next_value_seed(Object { context, place: "global" })?;
                    global.replace(context.keep(Global::from_map(map))?).is_some()
                }
                "captures" => {
                    let list = List { context, name: "captures", convert: Capture::from_map };
                    captures.replace(access.next_value_seed(list)?).is_some()
                }
                "annotations" => {
                    let list = List { context, name: "annotations", convert: Annotation::from_map };
                    annotations.replace(access.next_value_seed(list)?).is_some()
                }
                _ => {
                    let value = access.next_value_seed(Bounded { context, depth: 2 })?;
                    extra.insert(key.clone(), value).is_some()
                }
            };
            if twice {
                return context.fail(MetadataError::DuplicateKey { key, line: 0, column: 0 });
            }
        }
        let missing = |field: &str| MetadataError::Missing { field: field.into() };
        Ok(Metadata {
            global: context.keep(global.ok_or_else(|| missing("global")))?,
            captures: context.keep(captures.ok_or_else(|| missing("captures")))?,
            annotations: context.keep(annotations.ok_or_else(|| missing("annotations")))?,
            extra,
        })
    }
}

/// `captures` or `annotations`.
struct List<'a, T> {
    context: &'a Context,
    name: &'static str,
    convert: fn(Map<String, Value>, usize) -> Result<T, MetadataError>,
}

impl<'de, T> DeserializeSeed<'de> for List<'_, T> {
    type Value = Vec<T>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Vec<T>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T> Visitor<'de> for List<'_, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {}", self.name)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(map) = access.next_element_seed(Object { context: self.context, place: self.name })? {
            if list.len() == MAX_SEGMENTS {
                return self
                    .context
                    .fail(MetadataError::TooMuch { what: self.name, limit: MAX_SEGMENTS as u64 });
            }
            list.push(self.context.keep((self.convert)(map, list.len()))?);
        }
        Ok(list)
    }
}

/// An object whose known fields are about to be taken out of it.
struct Object<'a> {
    context: &'a Context,
    place: &'static str,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Map<String, Value>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        // Only what is not named by the specification stays as JSON; at this level, count what is nested.
        match (Bounded { context: self.context, depth: 2 }).deserialize(deserializer)? {
            Value::Object(map) => {
                let named = map.keys().filter(|key| key.starts_with("core:")).count();
                self.context.values.set(self.context.values.get().saturating_sub(named + 1));
                Ok(map)
            }
            other => {
                let kind = match other {
                    Value::Null => "null",
                    Value::Bool(_) => "a boolean",
                    Value::Number(_) => "a number",
                    Value::String(_) => "a text",
                    Value::Array(_) => "a list",
                    Value::Object(_) => "an object",
                };
                let field = if self.place == "global" {
                    self.place.into()
                } else {
                    format!("each of {}", self.place)
                };
                self.context.fail(MetadataError::Field { field, rule: "an object".into(), got: kind.into() })
            }
        }
    }
}

/// Any value, within the limits, no key twice.
struct Bounded<'a> {
    context: &'a Context,
    depth: usize,
}

impl Bounded<'_> {
    fn inner<E: serde::de::Error>(&self) -> Result<Bounded<'_>, E> {
        if self.depth == MAX_DEPTH {
            return self
                .context
                .fail(MetadataError::TooMuch { what: "levels of nesting", limit: MAX_DEPTH as u64 });
        }
        Ok(Bounded { context: self.context, depth: self.depth + 1 })
    }

    fn count<E: serde::de::Error>(&self, value: Value) -> Result<Value, E> {
        let values = self.context.values.get() + 1;
        self.context.values.set(values);
        if values > MAX_VALUES {
            return self.context.fail(MetadataError::TooMuch { what: "values", limit: MAX_VALUES as u64 });
        }
        Ok(value)
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        self.count(Value::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Value, E> {
        self.count(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        self.count(value.into())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        self.count(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        match Number::from_f64(value) {
            Some(number) => self.count(Value::Number(number)),
            None => Err(E::custom("number out of range")),
        }
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.count(Value::String(value.to_owned()))
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        self.count(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = access.next_element_seed(self.inner()?)? {
            list.push(value);
        }
        self.count(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let value = access.next_value_seed(self.inner()?)?;
            if map.contains_key(&key) {
                return self.context.fail(MetadataError::DuplicateKey { key, line: 0, column: 0 });
            }
            map.insert(key, value);
        }
        self.count(Value::Object(map))
    }
}
