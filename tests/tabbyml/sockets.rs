//! Both clients against the emulated server, over sockets.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};

use tabbyapi_emulator::tabbyml::TabbyMl;

/// The address of a server that loses the connection in the middle of its one answer.
fn losing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
        while !request.ends_with(b"}") {
            let read = socket.read(&mut buffer).unwrap();
            request.extend_from_slice(&buffer[..read]);
        }
        let event = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"},\"finish_reason\":null}]}\n\n";
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        write!(socket, "{head}{:x}\r\n{event}\r\n", event.len()).unwrap();
        socket.shutdown(Shutdown::Both).unwrap();
    });
    url
}

#[cfg(feature = "reqwest")]
#[tokio::test]
async fn the_client_on_reqwest() {
    use tabbyapi::api::ChatMessage;
    use tabbyapi::tabbyml::*;

    let server = TabbyMl::builder().start().unwrap();
    server.reply("one two three");
    let builder = Client::builder(server.url()).token(server.token()).registration_token(server.registration_token());
    let client = builder.user_agent("test/1.0").build().unwrap();
    assert_eq!(client.detect().await.unwrap(), ServerKind::TabbyMl);
    let request = CompletionRequest::new("python", Segments::new("def fib(n):"));
    let completion = client.completions().create(&request).await.unwrap();
    assert!(completion.text().starts_with("if n < 2"), "{completion:?}");
    let mut stream = client.chat().stream(&ChatRequest::new([ChatMessage::user("hi")]));
    let mut text = String::new();
    while let Some(chunk) = stream.next().await {
        text += chunk.unwrap().text();
    }
    assert_eq!(text, "one two three");
    client.events().view(&LogEvent::new(completion.id.as_str())).await.unwrap();
    let added = client.ingestion().add(&IngestionRequest::new("docs", "1", "T", "B").ttl("90d")).await.unwrap();
    assert_eq!(added.meta().status(), 202);
    assert_eq!(client.graphql().me().await.unwrap().email, "owner@example.com");
    assert_eq!(client.graphql().ingestion_status().await.unwrap_err().code().as_str(), "forbidden");
    let tokens = client.graphql().sign_in("owner@example.com", "secret").await.unwrap();
    let session = Client::builder(server.url()).token(&tokens.access_token).build().unwrap();
    assert!(session.graphql().ingestion_status().await.unwrap().is_empty());
    assert_eq!(server.requests()[1].header("user-agent"), Some("test/1.0"));

    // A connection that ends without an answer.
    let request = CompletionRequest::new("python", Segments::new("MOCK:errchunk"));
    let error = client.completions().create(&request).await.unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (tabbyapi::ErrorKind::Transport, "transport"));
    // An answer that begins again and again.
    let error = client.chat().create(&ChatRequest::new([ChatMessage::user("MOCK:cut")])).await.unwrap_err();
    assert_eq!((error.code().as_str(), error.partial_text()), ("stream_restarted", Some("Hello from")));
    // A connection that is lost in the middle of one.
    let client = Client::builder(losing()).build().unwrap();
    let error = client.chat().create(&ChatRequest::new([ChatMessage::user("hi")])).await.unwrap_err();
    assert_eq!((error.code().as_str(), error.partial_text()), ("connection_lost", Some("Hello")), "{error}");

    let without = TabbyMl::builder().no_webserver().start().unwrap();
    let client = Client::builder(without.url()).build().unwrap();
    assert_eq!(client.detect().await.unwrap(), ServerKind::TabbyMl);
    assert_eq!(client.graphql().me().await.unwrap_err().code().as_str(), "not_found");
    let other = tabbyapi_emulator::Emulator::builder().start().unwrap();
    assert_eq!(Client::builder(other.url()).build().unwrap().detect().await.unwrap(), ServerKind::TabbyApi);
}

#[cfg(feature = "blocking")]
#[test]
fn the_blocking_client() {
    use tabbyapi::api::ChatMessage;
    use tabbyapi::tabbyml::blocking::Client;
    use tabbyapi::tabbyml::*;

    let server = TabbyMl::builder().start().unwrap();
    let builder = Client::builder(server.url()).token(server.token()).registration_token(server.registration_token());
    let client = builder.build().unwrap();
    assert_eq!(client.detect().unwrap(), ServerKind::TabbyMl);
    assert!(client.health().check().unwrap().chats());
    let mut stream = client.chat().stream(&ChatRequest::new([ChatMessage::user("hi")]));
    let mut text = String::new();
    for chunk in &mut stream {
        text += chunk.unwrap().text();
    }
    assert_eq!(text, "Hello from mock \u{e9}\u{4e2d}\u{1f600}!");
    assert_eq!(client.chat().create(&ChatRequest::new([ChatMessage::user("hi")])).unwrap().text(), text);
    client.ingestion().delete("my docs/x", "doc 1").unwrap();
    assert_eq!(server.requests().last().unwrap().path, "/v1beta/ingestion/my%20docs%2Fx/doc%201");
    client.events().select(&LogEvent::new("cmpl-1").select_kind(SelectKind::Line)).unwrap();
    let query = GraphQlQuery::<serde_json::Value>::new("{me{id}}");
    assert_eq!(client.graphql().query(&query).unwrap()["me"]["id"], "E16n1q");
    let client = Client::builder(losing()).build().unwrap();
    let error = client.chat().create(&ChatRequest::new([ChatMessage::user("hi")])).unwrap_err();
    assert_eq!((error.code().as_str(), error.partial_text()), ("connection_lost", Some("Hello")), "{error}");
    let stranger = Client::builder(server.url()).build().unwrap();
    assert_eq!(stranger.models().list().unwrap_err().code().as_str(), "unauthorized");
    let other = tabbyapi_emulator::Emulator::builder().start().unwrap();
    assert_eq!(Client::builder(other.url()).build().unwrap().detect().unwrap(), ServerKind::TabbyApi);
}
