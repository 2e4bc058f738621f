//! Names that Avro accepts.

use thalweg_core::choices;

choices! {
    /// How names of schemas and fields are made fit for a converter.
    pub enum NameAdjustment {
        /// They stay as they are.
        None = "none",
        /// What Avro does not accept becomes `_`.
        Avro = "avro",
        /// What Avro does not accept, and `_`, becomes `_u` and its code in
        /// hexadecimal.
        AvroUnicode = "avro_unicode",
    }
}

impl NameAdjustment {
    /// The name of a field.
    #[must_use]
    pub fn field(self, name: &str) -> String {
        self.adjust(name, false)
    }

    /// The full name of a schema: dots part it.
    #[must_use]
    pub fn schema(self, name: &str) -> String {
        self.adjust(name, true)
    }

    fn adjust(self, name: &str, dots: bool) -> String {
        if self == Self::None {
            return name.to_owned();
        }
        let mut out = String::with_capacity(name.len());
        for (at, letter) in name.chars().enumerate() {
            let word = letter.is_ascii_alphabetic()
                || (letter == '_' && self == Self::Avro)
                || (dots && letter == '.' && at > 0);
            let legal = word || (letter.is_ascii_digit() && at > 0);
            if legal {
                out.push(letter);
            } else if self == Self::Avro {
                // A digit in front of a field's name is kept, behind an underscore.
                out.push('_');
                if at == 0 && !dots && letter.is_ascii_digit() {
                    out.push(letter);
                }
            } else {
                // As Java counts: by UTF-16 unit.
                let mut units = [0; 2];
                for unit in letter.encode_utf16(&mut units) {
                    out.push_str(&format!("_u{unit:04x}"));
                }
            }
        }
        out
    }
}
