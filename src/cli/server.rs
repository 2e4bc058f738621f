//! The server that a command talks to, and its topics by name.

use anyhow::{Result, anyhow, bail};
use thalweg_broker::client::{Client, ClientError, Refused, Topic};

/// How many topics are named that may have been meant.
const NEAR_MAX: usize = 5;
/// Letters that may differ in a name that may have been meant.
const DISTANCE_MAX: usize = 2;

/// Which server.
#[derive(Debug, clap::Args)]
pub(crate) struct Server {
    /// Where a server of the Kafka protocol listens, such as `thalweg serve`.
    #[arg(
        long = "kafka",
        value_name = "ADDR",
        env = "THALWEG_KAFKA",
        default_value = "127.0.0.1:9092"
    )]
    address: String,
}

impl Server {
    /// Connects, or says what to do.
    pub(super) fn connect(&self) -> Result<Client> {
        Client::connect(&self.address).map_err(|error| match error {
            ClientError::Unreachable { .. } => anyhow!(
                "{error}: start one with `thalweg serve`, or say where it is with --kafka ADDR or \
                 THALWEG_KAFKA (its ready line has the address)"
            ),
            ClientError::NotKafka { .. } => anyhow!(
                "{error}: --kafka takes the address after kafka= in the ready line of `thalweg \
                 serve`, not the one of its registry or REST"
            ),
            ClientError::Address(_) => anyhow!("--kafka: {error}"),
            error => error.into(),
        })
    }
}

/// The topic of this name; an error names those that are near.
pub(super) fn find(client: &mut Client, name: &str) -> Result<Topic> {
    match client.topic(name) {
        Ok(Some(topic)) => Ok(topic),
        Ok(None) => Err(unknown(client, name)),
        Err(error) => Err(failed(error, name)),
    }
}

/// A failure of something that was asked about a topic.
pub(super) fn failed(error: ClientError, topic: &str) -> anyhow::Error {
    let code = error.refusal().map(|refused| refused.code);
    match code {
        Some(Refused::UNKNOWN_TOPIC | Refused::UNKNOWN_TOPIC_ID) => {
            anyhow!("topic {topic} was deleted meanwhile")
        }
        // Most refusals name the topic themselves.
        Some(_) if error.to_string().starts_with(&format!("topic {topic} ")) => error.into(),
        Some(_) => anyhow!("topic {topic}: {error}"),
        None => error.into(),
    }
}

fn unknown(client: &mut Client, name: &str) -> anyhow::Error {
    let topics = match client.topics() {
        Ok(topics) => topics,
        Err(error) => return failed(error, name),
    };
    let near = near(name, topics.iter().map(|topic| &*topic.name));
    let hint = if near.is_empty() {
        format!(
            "`thalweg topics list` shows those that there are, `thalweg topics create {name}` makes \
             it"
        )
    } else {
        format!("did you mean {}?", near.join(" or "))
    };
    anyhow!("there is no topic {name}: {hint}")
}

/// Names that may have been meant, the nearest first: those with few letters
/// changed, and those that hold the name or are held by it.
fn near<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let plain = name.to_lowercase();
    let mut near: Vec<(usize, &str)> = known
        .filter_map(|known| {
            let other = known.to_lowercase();
            let distance = strsim::damerau_levenshtein(&plain, &other);
            let is_part = plain.len().min(other.len()) > 2
                && (other.contains(&plain) || plain.contains(&other));
            let is_near = distance <= DISTANCE_MAX.min(plain.len().saturating_sub(1));
            (is_part || is_near).then_some((distance, known))
        })
        .collect();
    near.sort_unstable();
    near.into_iter().take(NEAR_MAX).map(|(_, name)| name).collect()
}

/// The partitions that are meant: one, or all.
pub(super) fn partitions(topic: &Topic, only: Option<u32>) -> Result<Vec<u32>> {
    match only {
        None => Ok((0..topic.partitions).collect()),
        Some(partition) if partition < topic.partitions => Ok(vec![partition]),
        Some(partition) => bail!(
            "topic {} has no partition {partition}: its {} partition(s) count from 0",
            topic.name,
            topic.partitions
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn names_that_may_have_been_meant() {
        let known = ["shop.public.orders", "shop.public.order_items", "odrers", "orders2", "t"];
        let near = |name| near(name, known.into_iter());
        assert_eq!(near("orders"), ["odrers", "orders2", "shop.public.orders"]);
        assert_eq!(near("shop.public.Orders"), ["shop.public.orders"]);
        assert_eq!(near("shop.public.ordres"), ["shop.public.orders"]);
        assert!(near("x").is_empty());
        assert!(near("payments").is_empty());
    }
}
