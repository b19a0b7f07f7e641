//! CBOR, as Smithy RPC v2 uses it: times are tag 1 over epoch seconds.

use minicbor::data::{IanaTag, Tag, Type};
use minicbor::{Decoder, Encoder, decode::Error};

use super::Value;

/// Deeper nesting than this is nobody's request.
const DEEPEST: usize = 64;

pub(super) fn decode(body: &[u8]) -> Result<Value, Error> {
    if body.is_empty() {
        return Ok(Value::Map(Vec::new()));
    }
    read(&mut Decoder::new(body), DEEPEST)
}

fn read(decoder: &mut Decoder<'_>, depth: usize) -> Result<Value, Error> {
    if depth == 0 {
        return Err(Error::message("nested too deeply"));
    }
    Ok(match decoder.datatype()? {
        Type::Bool => Value::Bool(decoder.bool()?),
        Type::U8
        | Type::U16
        | Type::U32
        | Type::U64
        | Type::I8
        | Type::I16
        | Type::I32
        | Type::I64 => Value::Int(decoder.i64()?),
        Type::F16 => Value::Float(decoder.f16()?.into()),
        Type::F32 => Value::Float(decoder.f32()?.into()),
        Type::F64 => Value::Float(decoder.f64()?),
        Type::String => Value::Text(decoder.str()?.to_owned()),
        Type::StringIndef => {
            let parts: Result<Vec<&str>, Error> = decoder.str_iter()?.collect();
            Value::Text(parts?.concat())
        }
        Type::Array | Type::ArrayIndef => {
            let mut items = Vec::new();
            if let Some(length) = decoder.array()? {
                for _ in 0..length {
                    items.push(read(decoder, depth - 1)?);
                }
            } else {
                while decoder.datatype()? != Type::Break {
                    items.push(read(decoder, depth - 1)?);
                }
                decoder.skip()?;
            }
            Value::List(items)
        }
        Type::Map | Type::MapIndef => {
            let mut entries = Vec::new();
            if let Some(length) = decoder.map()? {
                for _ in 0..length {
                    entries.push((decoder.str()?.to_owned(), read(decoder, depth - 1)?));
                }
            } else {
                while decoder.datatype()? != Type::Break {
                    entries.push((decoder.str()?.to_owned(), read(decoder, depth - 1)?));
                }
                decoder.skip()?;
            }
            Value::Map(entries)
        }
        Type::Tag => {
            let tag = decoder.tag()?;
            let inner = read(decoder, depth - 1)?;
            if tag == Tag::from(IanaTag::Timestamp) {
                inner.as_number().map_or(Value::Null, Value::Time)
            } else {
                inner
            }
        }
        _ => {
            decoder.skip()?;
            Value::Null
        }
    })
}

pub(super) fn encode(value: &Value) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    // Writing to memory does not fail.
    let _ = write(&mut encoder, value);
    encoder.into_writer()
}

fn write(
    encoder: &mut Encoder<Vec<u8>>,
    value: &Value,
) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
    match value {
        Value::Null => encoder.null()?,
        Value::Bool(truth) => encoder.bool(*truth)?,
        Value::Int(number) => encoder.i64(*number)?,
        Value::Float(number) => encoder.f64(*number)?,
        Value::Time(seconds) => encoder.tag(IanaTag::Timestamp)?.f64(*seconds)?,
        Value::Text(text) => encoder.str(text)?,
        Value::List(items) => {
            encoder.array(items.len() as u64)?;
            for item in items {
                write(encoder, item)?;
            }
            encoder
        }
        Value::Map(entries) => {
            encoder.map(entries.len() as u64)?;
            for (key, value) in entries {
                encoder.str(key)?;
                write(encoder, value)?;
            }
            encoder
        }
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_the_wire() {
        let value = Value::Map(vec![
            (
                "a".into(),
                Value::List(vec![Value::Int(-7), Value::Float(1.5), Value::Bool(true)]),
            ),
            ("t".into(), Value::Time(1_700_000_000.25)),
            ("s".into(), Value::Text("ä".into())),
        ]);
        assert_eq!(decode(&encode(&value)).unwrap(), value);
    }

    #[test]
    fn hostile_nesting_is_refused() {
        assert!(decode(&vec![0x81; 100_000]).is_err());
        assert!(decode(&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err());
    }
}
