//! Embeddings.

use tabbyapi::Client;
use tabbyapi::api::{EmbeddingList, EmbeddingsRequest};

use super::text;
use crate::args::Embed;
use crate::failure::Failure;
use crate::output::{Output, table};

pub async fn embed(client: &Client, what: &Embed, output: &Output) -> Result<(), Failure> {
    let texts: Vec<String> = match what.texts.as_slice() {
        [one] if one == "-" => {
            text("-").await?.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
        }
        texts => texts.to_vec(),
    };
    let answer = client.embeddings().create(&EmbeddingsRequest::new(texts.clone())).await?.into_inner();
    output.print(&answer, |answer| match what.similarity {
        true => format!("{}\n\n{}", vectors(answer, &texts), similarity(answer)),
        false => vectors(answer, &texts),
    })
}

/// A line for each text: its number, its dimension, its first numbers, its start.
fn vectors(answer: &EmbeddingList, texts: &[String]) -> String {
    let row = |(n, (embedding, text)): (usize, (&tabbyapi::api::Embedding, &String))| {
        let vector = &embedding.embedding;
        let mut first: Vec<_> = vector.iter().take(3).map(|number| format!("{number:>7.4}")).collect();
        if vector.len() > first.len() {
            first.push("…".to_owned());
        }
        let line = text.lines().next().unwrap_or_default();
        let mut start: String = line.chars().take(30).collect();
        if start.len() < text.len() {
            start.push('…');
        }
        vec![format!("{}", n + 1), format!("{} numbers", vector.len()), first.join(" "), start]
    };
    table(&answer.data.iter().zip(texts).enumerate().map(row).collect::<Vec<_>>())
}

/// All pairs, by the numbers of the lines above.
fn similarity(answer: &EmbeddingList) -> String {
    let numbers = 1..=answer.data.len();
    let head = std::iter::once("cosine".to_owned()).chain(numbers.map(|n| format!("{n:>6}"))).collect();
    let row = |(n, a): (usize, &tabbyapi::api::Embedding)| {
        let cells = answer.data.iter().map(|b| format!("{:6.3}", cosine(&a.embedding, &b.embedding)));
        std::iter::once((n + 1).to_string()).chain(cells).collect()
    };
    table(&std::iter::once(head).chain(answer.data.iter().enumerate().map(row)).collect::<Vec<_>>())
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines() {
        assert!((cosine(&[1.0, 0.0], &[2.0, 0.0]) - 1.0).abs() < 1e-12);
        assert!(cosine(&[1.0, 0.0], &[0.0, 3.0]).abs() < 1e-12);
        assert_eq!(cosine(&[0.0], &[1.0]), 0.0);
    }
}
