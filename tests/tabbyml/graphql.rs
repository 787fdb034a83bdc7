//! GraphQL: queries of one's own, and those that are there.

use serde::Deserialize;
use tabbyapi::ErrorKind;
use tabbyapi::tabbyml::{Client, GraphQlQuery, Grep, MyThreads, RepositoryKind, SearchFiles, ThreadMessages};
use tabbyapi::transport::script::{Reply, Script};

use crate::play::bounded;

fn client(replies: impl IntoIterator<Item = &'static str>) -> (Client, Script) {
    let script = Script::new(replies.into_iter().map(|body| Reply::json(200, body)));
    (Client::builder("http://tabby.test").token("auth").build_with(script.clone()).unwrap(), script)
}

fn sent(script: &Script, at: usize) -> serde_json::Value {
    serde_json::from_slice(script.requests()[at].body()).unwrap()
}

#[derive(Debug, Deserialize)]
struct Data {
    me: Me,
}

#[derive(Debug, Deserialize)]
struct Me {
    email: String,
}

#[test]
fn a_query_has_variables_and_a_typed_answer() {
    let (client, script) = client([r#"{"data":{"me":{"email":"a@b"}}}"#]);
    let query = GraphQlQuery::<Data>::new("query Me($x: Int) { me { email } }").variable("x", 1).operation("Me");
    assert_eq!(bounded(client.graphql().query(&query)).unwrap().me.email, "a@b");
    let expected = serde_json::json!({"query": "query Me($x: Int) { me { email } }", "variables": {"x": 1}, "operationName": "Me"});
    assert_eq!(sent(&script, 0), expected);
    assert!(!format!("{query:?}").contains("\"x\""), "variables can be secret");
}

#[test]
fn errors_in_an_answer_are_errors() {
    for (body, kind, code, message) in [
        (
            r#"{"data":null,"errors":[{"message":"no","extensions":{"code":"FORBIDDEN"}}]}"#,
            ErrorKind::Server,
            "forbidden",
            "no",
        ),
        (
            r#"{"data":{"me":null},"errors":[{"message":"a"},{"message":"b"}]}"#,
            ErrorKind::Server,
            "graphql_error",
            "a; b",
        ),
        (
            r#"{"errors":[{"message":"no","extensions":{"code":"two words"}}]}"#,
            ErrorKind::Server,
            "graphql_error",
            "no",
        ),
        (r#"{"data":null}"#, ErrorKind::Decode, "unexpected_json", ""),
        (r#"{"data":{"me":{}}}"#, ErrorKind::Decode, "unexpected_json", ""),
        (r#"{"detail":"Not Found"}"#, ErrorKind::Server, "server_error", "Not Found"),
    ] {
        let (client, _) = client([body]);
        let error = bounded(client.graphql().query(&GraphQlQuery::<Data>::new("{ me { email } }"))).unwrap_err();
        assert_eq!((error.kind(), error.code().as_str()), (kind, code), "{body}: {error}");
        assert!(error.message().contains(message), "{body}: {error}");
    }
}

#[test]
fn the_queries_that_are_there_read_what_the_schema_has() {
    let (client, script) = client([
        r#"{"data":{"me":{"id":"E16n1q","email":"a@b","name":"A","isAdmin":true,"isOwner":false,"authToken":"auth_1"}}}"#,
        r#"{"data":{"contextInfo":{"sources":[{"sourceId":"git:1","sourceKind":"GIT","sourceName":"a"}]}}}"#,
        r#"{"data":{"repositoryList":[{"id":"1","sourceId":"git:1","sourceName":"a","name":"a","kind":"GITHUB","gitUrl":"https://e.org/a","refs":[{"name":"main","commit":"c"}]}]}}"#,
        r#"{"data":{"repositorySearch":[{"type":"file","path":"src/lib.rs","indices":[4,5]}]}}"#,
        r#"{"data":{"repositoryGrep":{"elapsedMs":2,"files":[{"path":"a.rs","lines":[{"lineNumber":3,"byteOffset":9,"line":{"text":"fn x","base64":null},"subMatches":[{"bytesStart":0,"bytesEnd":2}]}]}]}}}"#,
        r#"{"data":{"myThreads":{"edges":[{"cursor":"1","node":{"id":"T","userId":"U","isEphemeral":true,"createdAt":"d","updatedAt":"e"}}],"pageInfo":{"hasNextPage":true,"endCursor":"1"}}}}"#,
        r#"{"data":{"threadMessages":{"edges":[{"cursor":"1","node":{"id":"M","threadId":"T","role":"USER","content":"hi","createdAt":"d","updatedAt":"e"}}],"pageInfo":{"hasNextPage":false,"endCursor":"1"}}}}"#,
        r#"{"data":{"ingestionStatus":[{"source":"s","pending":1,"failed":2,"total":3}]}}"#,
        r#"{"data":{"tokenAuth":{"accessToken":"JWT","refreshToken":"R"}}}"#,
        r#"{"data":{"refreshToken":{"accessToken":"JWT2","refreshToken":"R2"}}}"#,
    ]);
    let graphql = client.graphql();
    let me = bounded(graphql.me()).unwrap();
    assert_eq!((me.id.as_str(), me.is_admin, me.auth_token.as_str()), ("E16n1q", true, "auth_1"));
    assert!(!format!("{me:?}").contains("auth_1"));
    let context = bounded(graphql.context_info()).unwrap();
    assert_eq!((context.sources[0].source_id.as_str(), context.sources[0].source_kind.as_str()), ("git:1", "GIT"));
    let repositories = bounded(graphql.repositories()).unwrap();
    assert_eq!((&repositories[0].kind, repositories[0].refs[0].name.as_str()), (&RepositoryKind::Github, "main"));
    let files =
        bounded(graphql.search_files(&SearchFiles::new(RepositoryKind::Git, "1", "lib").revision("main"))).unwrap();
    assert_eq!((files[0].path.as_str(), &files[0].indices[..]), ("src/lib.rs", &[4, 5][..]));
    assert_eq!(
        sent(&script, 3)["variables"],
        serde_json::json!({"kind": "GIT", "id": "1", "pattern": "lib", "rev": "main"})
    );
    let found = bounded(graphql.grep(&Grep::new(RepositoryKind::Git, "1", "fn x"))).unwrap();
    let line = &found.files[0].lines[0];
    assert_eq!((found.elapsed_ms, line.line_number, line.line.text.as_deref()), (2, 3, Some("fn x")));
    assert_eq!((line.sub_matches[0].bytes_start, line.sub_matches[0].bytes_end), (0, 2));
    let threads = bounded(graphql.my_threads(&MyThreads::new().first(1))).unwrap();
    assert_eq!((threads.nodes().next().unwrap().id.as_str(), threads.next()), ("T", Some("1")));
    let messages = bounded(graphql.thread_messages(&ThreadMessages::new("T").after("0"))).unwrap();
    assert_eq!((messages.nodes().next().unwrap().content.as_str(), messages.next()), ("hi", None));
    assert_eq!(sent(&script, 6)["variables"], serde_json::json!({"threadId": "T", "after": "0"}));
    assert_eq!(bounded(graphql.ingestion_status()).unwrap()[0].total, 3);
    let tokens = bounded(graphql.sign_in("a@b", "secret")).unwrap();
    assert_eq!((tokens.access_token.as_str(), tokens.refresh_token.as_str()), ("JWT", "R"));
    assert!(!format!("{tokens:?}").contains("JWT"));
    assert_eq!(sent(&script, 8)["variables"], serde_json::json!({"email": "a@b", "password": "secret"}));
    assert_eq!(bounded(graphql.refresh("R")).unwrap().access_token, "JWT2");
}
