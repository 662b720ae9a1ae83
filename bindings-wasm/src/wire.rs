//! How values that are not numbers cross: as bytes in the module's memory, written by one side and read by the other.
//!
//! | tag | value | bytes after the tag |
//! |---|---|---|
//! | 0 | undefined | |
//! | 1, 2 | false, true | |
//! | 3 | number | a double |
//! | 4 | bigint | a string: its decimal digits |
//! | 5 | string | length, UTF-8 |
//! | 6 | bytes | length, the bytes |
//! | 7 | list | number of values, the values |
//! | 8 | object | number of fields, for each a string and a value |
//!
//! Lengths take four bytes, and all is little endian. The other side is `js/wire.ts`. Handing JavaScript's values
//! themselves across would take more than twice the code.

use std::cell::RefCell;

use latchwork::Error;
use wasm_bindgen::prelude::wasm_bindgen;

pub(crate) const UNDEFINED: u8 = 0;
pub(crate) const FALSE: u8 = 1;
pub(crate) const TRUE: u8 = 2;
pub(crate) const NUMBER: u8 = 3;
pub(crate) const BIGINT: u8 = 4;
pub(crate) const STRING: u8 = 5;
pub(crate) const BYTES: u8 = 6;
pub(crate) const LIST: u8 = 7;
pub(crate) const OBJECT: u8 = 8;

thread_local! {
    /// What JavaScript wrote. Its length is what there is room for.
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// What was answered last.
    static OUTPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Makes room for an input of this length and tells where; what was written there before stays.
#[wasm_bindgen]
pub fn reserve(length: usize) -> usize {
    INPUT.with_borrow_mut(|input| {
        if input.len() < length {
            input.resize(length, 0);
        }
        input.as_ptr() as usize
    })
}

/// Reads the input. Nothing that could call back runs meanwhile.
pub(crate) fn read<T>(values: impl FnOnce(&mut Reader<'_>) -> Result<T, Error>) -> Result<T, Error> {
    INPUT.with_borrow(|input| values(&mut Reader { rest: input }))
}

/// Writes an answer and tells where it begins.
pub(crate) fn write(values: impl FnOnce(&mut Writer)) -> usize {
    let mut writer = Writer(Vec::new());
    values(&mut writer);
    OUTPUT.with_borrow_mut(|output| {
        *output = writer.0;
        output.as_ptr() as usize
    })
}

/// A value that is bytes.
pub(crate) fn bytes<'a>(input: &mut Reader<'a>) -> Result<&'a [u8], Error> {
    match input.tag()? {
        BYTES => input.bytes(),
        _ => Err(malformed()),
    }
}

/// Reads values from where the last one ended.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// The tag of the next value.
    pub(crate) fn tag(&mut self) -> Result<u8, Error> {
        self.array().map(u8::from_le_bytes)
    }

    /// The number of bytes, values or fields that follow.
    pub(crate) fn length(&mut self) -> Result<usize, Error> {
        self.array().map(|length| u32::from_le_bytes(length) as usize)
    }

    /// The bytes of a value whose length comes first.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Error> {
        let length = self.length()?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(malformed)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// The text of a string.
    pub(crate) fn text(&mut self) -> Result<&'a str, Error> {
        str::from_utf8(self.bytes()?).map_err(|_| malformed())
    }

    /// The next few bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (array, rest) = self.rest.split_first_chunk().ok_or_else(malformed)?;
        self.rest = rest;
        Ok(*array)
    }
}

/// Writes values one after the other.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn undefined(&mut self) {
        self.0.push(UNDEFINED);
    }

    pub(crate) fn boolean(&mut self, value: bool) {
        self.0.push(if value { TRUE } else { FALSE });
    }

    pub(crate) fn number(&mut self, value: f64) {
        self.0.push(NUMBER);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn bigint(&mut self, value: i128) {
        self.0.push(BIGINT);
        self.text(&value.to_string());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.begin(STRING, text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.begin(BYTES, bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// A list with a value made by `each` for every item.
    pub(crate) fn list<T>(&mut self, items: &[T], each: impl Fn(&mut Writer, &T)) {
        self.begin(LIST, items.len());
        for item in items {
            each(self, item);
        }
    }

    /// Begins an object of so many fields; [`field`](Writer::field) and a value follow for each.
    pub(crate) fn object(&mut self, fields: usize) {
        self.begin(OBJECT, fields);
    }

    /// The name of the next field. One whose value is undefined is left out by the reader.
    pub(crate) fn field(&mut self, name: &str) -> &mut Writer {
        self.text(name);
        self
    }

    /// A number, or undefined.
    pub(crate) fn number_or_undefined(&mut self, value: Option<f64>) {
        match value {
            Some(value) => self.number(value),
            None => self.undefined(),
        }
    }

    /// A string, or undefined.
    pub(crate) fn text_or_undefined(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.undefined(),
        }
    }

    fn begin(&mut self, tag: u8, length: usize) {
        self.0.push(tag);
        self.0.extend_from_slice(&(length as u32).to_le_bytes());
    }
}

/// The script and the binary are not of the same version: nothing else writes here.
pub(crate) fn malformed() -> Error {
    Error::invalid("input", "not what the script of this version writes")
}
