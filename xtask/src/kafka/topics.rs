//! The product's topics: their names, their partitions, and what is done when a cluster has others.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, bail};
use gyesan_kafka::sasl::{Credentials, Mechanism};

use super::client::{Client, Found};

/// Each topic and the variable that says how many partitions it has. Each has dead letters in `<topic>.dlt`.
const TOPICS: [(&str, &str); 2] =
    [("gyesan.orders", "ORDERS_PARTITIONS"), ("gyesan.ledger", "LEDGER_PARTITIONS")];

/// The topics with their partitions, as the variables have them.
pub fn of(vars: &BTreeMap<String, String>) -> Result<Vec<(String, i32)>> {
    let mut topics = Vec::new();
    for (topic, variable) in TOPICS {
        let text = vars.get(variable).ok_or_else(|| anyhow!("{variable} is not set"))?;
        let count = text.parse().ok().filter(|count| *count > 0);
        let count = count.ok_or_else(|| anyhow!("{variable}: `{text}` is not a number of partitions"))?;
        topics.extend([(topic.to_owned(), count), (format!("{topic}.dlt"), count)]);
    }
    Ok(topics)
}

/// Sees to it that somebody else's cluster has the topics, each with as many partitions as the variables say.
pub fn ready(brokers: &str, vars: &BTreeMap<String, String>) -> Result<()> {
    let value = |name: &str| vars.get(name).map_or("", String::as_str);
    let security = value("KAFKA_SECURITY");
    if security.ends_with("SSL") {
        crate::progress::say("The broker speaks TLS: the topics are taken to exist.");
        return Ok(());
    }
    let credentials = if security == "SASL_PLAINTEXT" {
        let name = value("KAFKA_SASL_MECHANISM");
        let mechanism = Mechanism::from_name(name)
            .ok_or_else(|| anyhow!("KAFKA_SASL_MECHANISM: `{name}` is not a known mechanism"))?;
        let (username, password) = (value("KAFKA_USERNAME").to_owned(), value("KAFKA_PASSWORD").to_owned());
        Some(Credentials { mechanism, username, password })
    } else {
        None
    };
    let client = one_that_answers(brokers, credentials.as_ref())?;
    for (topic, wanted) in of(vars)? {
        match client.create_topic(&topic, wanted).context("create it yourself, or let this user do it")? {
            Found::Created => {
                crate::progress::say(&format!("topic {topic} created, {wanted} partitions"));
            }
            found => {
                if let Some(difference) = difference(&topic, &found, wanted) {
                    bail!("{difference} (and begin with an empty --state), or use another cluster");
                }
            }
        }
    }
    Ok(())
}

/// What is wrong with a topic that has another number of partitions than wanted, and the first half of the cure. Topics of
/// dead letters may have any number.
pub fn difference(topic: &str, found: &Found, wanted: i32) -> Option<String> {
    let Found::Existing(count) = *found else { return None };
    if count == wanted || topic.ends_with(".dlt") {
        return None;
    }
    let variable = TOPICS.iter().find(|(name, _)| *name == topic).map(|(_, variable)| variable);
    Some(match variable {
        Some(variable) => format!(
            "topic {topic} has {count} partitions and {variable} says {wanted}: set it with `--var {variable}={count}`"
        ),
        None => format!("topic {topic} has {count} partitions and not {wanted}: ask for {count}"),
    })
}

fn one_that_answers(brokers: &str, credentials: Option<&Credentials>) -> Result<Client> {
    let mut faults = Vec::new();
    for address in brokers.split(',').map(str::trim) {
        let client = Client { address: address.to_owned(), credentials: credentials.cloned() };
        match client.partitions("gyesan.orders") {
            Ok(_) => return Ok(client),
            Err(fault) => faults.push(format!("{address}: {fault:#}")),
        }
    }
    bail!(
        "no Kafka can be used at {brokers} ({}): start it, or use `--kafka` without an address for a local one",
        faults.join("; ")
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn vars(orders: &str) -> BTreeMap<String, String> {
        let vars = [("ORDERS_PARTITIONS", orders), ("LEDGER_PARTITIONS", "2")];
        vars.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    #[test]
    fn every_topic_has_dead_letters_beside_it() {
        let topics = of(&vars("3")).unwrap();
        let names: Vec<&str> = topics.iter().map(|(topic, _)| topic.as_str()).collect();
        assert_eq!(names, ["gyesan.orders", "gyesan.orders.dlt", "gyesan.ledger", "gyesan.ledger.dlt"]);
        assert_eq!(topics.first().unwrap().1, 3);
    }

    #[test]
    fn a_number_that_is_none_is_named() {
        assert!(of(&vars("many")).unwrap_err().to_string().contains("ORDERS_PARTITIONS"));
        assert!(of(&vars("0")).is_err());
    }

    #[test]
    fn a_topic_with_other_partitions_is_named_with_both_numbers_and_the_cure() {
        let said = difference("gyesan.orders", &Found::Existing(2), 4).unwrap();
        assert!(said.contains("gyesan.orders has 2") && said.contains("ORDERS_PARTITIONS says 4"), "{said}");
        assert!(said.ends_with("`--var ORDERS_PARTITIONS=2`"), "{said}");
        assert!(difference("other", &Found::Existing(2), 4).unwrap().contains("other has 2"));
        assert_eq!(difference("gyesan.orders", &Found::Existing(4), 4), None);
        assert_eq!(difference("gyesan.orders", &Found::Created, 4), None);
        assert_eq!(difference("gyesan.orders.dlt", &Found::Existing(2), 4), None);
    }

    #[test]
    fn a_cluster_that_is_not_there_is_named_with_the_cure() {
        let free = super::super::broker::free_port().unwrap();
        let address = format!("127.0.0.1:{free}");
        let fault = ready(&address, &vars("2")).unwrap_err().to_string();
        assert!(fault.contains(&address) && fault.contains("--kafka"), "{fault}");
    }
}
