//! Tower around the client and below it: calls balanced over three servers by tower's own "power of two choices", under a
//! limit and a deadline of tower.
//!
//! `cargo run --example tower_balance --features tower` starts three emulated servers.

use std::time::Duration;

use futures::future::try_join_all;
use tabbyapi::Client;
use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::transport::{Reqwest, Tower, Wire};
use tabbyapi_emulator::Emulator;
use tower::balance::p2c::Balance;
use tower::discover::ServiceList;
use tower::load::{CompleteOnResponse, PendingRequests};
use tower::{Service, ServiceBuilder, ServiceExt};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let delay = Duration::from_millis(5);
    let servers: Vec<_> = (0..3).map(|_| Emulator::builder().token_delay(delay).start()).collect::<Result<_, _>>()?;

    // A client for each server, with the number of its pending calls.
    let clients = servers.iter().map(|server| {
        let client = Client::builder(server.url()).api_key(server.api_key()).build()?;
        Ok(PendingRequests::new(client, CompleteOnResponse::default()))
    });
    let clients: Vec<_> = clients.collect::<tabbyapi::Result<_>>()?;

    // Of two random servers, the one with fewer pending calls. The buffer lets tasks share it.
    let balanced = Balance::new(ServiceList::new::<ChatRequest>(clients));
    let service =
        ServiceBuilder::new().buffer(64).concurrency_limit(24).timeout(Duration::from_secs(60)).service(balanced);

    let calls = (0..90).map(|n| {
        let mut service = service.clone();
        let request = ChatRequest::new([ChatMessage::user(format!("Say number {n}."))]).max_tokens(20);
        async move { service.ready().await?.call(request).await }
    });
    let answers = try_join_all(calls).await?;
    println!("{} answers, such as {:?}", answers.len(), answers[0].text());
    for server in &servers {
        println!("{} answered {} of them", server.url(), server.requests().len());
    }

    // The reverse: layers of tower below a client, which then streams through them.
    let reqwest = Reqwest::new(reqwest::Client::builder())?;
    let below = ServiceBuilder::new().concurrency_limit(4).service(Wire::new(reqwest.clone()));
    let client =
        Client::builder(servers[0].url()).api_key(servers[0].api_key()).build_with(Tower::new(below, reqwest))?;
    let mut stream = client.chat().stream(&ChatRequest::new([ChatMessage::user("Stream this.")]).max_tokens(20));
    while let Some(chunk) = stream.next().await {
        print!("{}", chunk?.text());
    }
    println!();
    Ok(())
}
