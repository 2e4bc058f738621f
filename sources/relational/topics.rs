//! Names of topics.

use thalweg_core::config::Declare;

/// How topics are named: `prefix.schema.table`, every character that Kafka
/// does not accept replaced by `_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicNaming {
    /// `topic.prefix`: the logical name of the server.
    pub prefix: String,
    /// What stands between the parts of a name.
    pub delimiter: String,
    heartbeat_prefix: String,
    transaction: String,
}

impl TopicNaming {
    /// Declares the keys.
    pub fn declare(keys: &mut Declare<'_>) -> Self {
        let prefix = keys
            .text(
                "topic.prefix",
                "The logical name of this server: the beginning of the names of all its topics.",
            )
            .high()
            .also("database.server.name")
            .check(|prefix: &String| match prefix.chars().find(|&letter| !is_legal(letter)) {
                None => Ok(()),
                Some(letter) => Err(format!(
                    "{letter:?} can't be part of a topic's name: use letters, digits, '.', '_', '-'"
                )),
            })
            .required();
        let delimiter = keys
            .text("topic.delimiter", "What stands between the parts of a topic's name.")
            .low()
            .check(|text: &String| {
                if text.chars().all(is_legal) {
                    Ok(())
                } else {
                    Err("use letters, digits, '.', '_', '-'".to_owned())
                }
            })
            .default(".".to_owned());
        let heartbeat_prefix = keys
            .text("topic.heartbeat.prefix", "The beginning of the heartbeat topic's name.")
            .low()
            .also("heartbeat.topics.prefix")
            .default("__debezium-heartbeat".to_owned());
        let transaction = keys
            .text("topic.transaction", "The end of the transaction topic's name.")
            .low()
            .default("transaction".to_owned());
        Self { prefix, delimiter, heartbeat_prefix, transaction }
    }

    /// With this prefix and the defaults.
    #[must_use]
    pub fn new(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            delimiter: ".".to_owned(),
            heartbeat_prefix: "__debezium-heartbeat".to_owned(),
            transaction: "transaction".to_owned(),
        }
    }

    /// The topic of a table: `schema` is its schema or, in MySQL, its database.
    #[must_use]
    pub fn table(&self, schema: &str, table: &str) -> String {
        sanitize(&[&self.prefix, schema, table].join(&self.delimiter))
    }

    /// The topic of what is about the whole server (`message`, ...).
    #[must_use]
    pub fn server(&self, what: &str) -> String {
        sanitize(&[&self.prefix, what].join(&self.delimiter))
    }

    /// The heartbeat topic.
    #[must_use]
    pub fn heartbeat(&self) -> String {
        sanitize(&[&self.heartbeat_prefix, &self.prefix].map(String::as_str).join(&self.delimiter))
    }

    /// The transaction topic.
    #[must_use]
    pub fn transaction(&self) -> String {
        self.server(&self.transaction)
    }
}

fn is_legal(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-')
}

fn sanitize(name: &str) -> String {
    // As Java counts: a character beyond 16 bits is two.
    name.chars()
        .flat_map(|letter| {
            let legal = is_legal(letter);
            std::iter::repeat_n(if legal { letter } else { '_' }, letter.len_utf16())
        })
        .collect()
}
