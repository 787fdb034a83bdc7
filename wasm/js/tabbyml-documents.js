// The queries of the service for GraphQL, written by `UPDATE=1 cargo test -p tabbyapi-js --features tabbyml`: the field of the answer, and
// the document.
export const DOCUMENTS = {
  me: ["me", "query { me { id email name isAdmin isOwner authToken } }"],
  context_info: ["contextInfo", "query { contextInfo { sources { sourceId sourceKind sourceName } } }"],
  repositories: ["repositoryList", "query { repositoryList { id sourceId sourceName name kind gitUrl refs { name commit } } }"],
  search_files: ["repositorySearch", "query ($kind: RepositoryKind!, $id: ID!, $rev: String, $pattern: String!) { repositorySearch(kind: $kind, id: $id, rev: $rev, pattern: $pattern) { type path indices } }"],
  grep: ["repositoryGrep", "query ($kind: RepositoryKind!, $id: ID!, $rev: String, $query: String!) { repositoryGrep(kind: $kind, id: $id, rev: $rev, query: $query) { elapsedMs files { path lines { lineNumber byteOffset line { text base64 } subMatches { bytesStart bytesEnd } } } } }"],
  my_threads: ["myThreads", "query ($after: String, $first: Int) { myThreads(after: $after, first: $first) { edges { cursor node { id userId isEphemeral createdAt updatedAt } } pageInfo { hasNextPage endCursor } } }"],
  thread_messages: ["threadMessages", "query ($threadId: ID!, $after: String, $first: Int) { threadMessages(threadId: $threadId, after: $after, first: $first) { edges { cursor node { id threadId role content createdAt updatedAt } } pageInfo { hasNextPage endCursor } } }"],
  ingestion_status: ["ingestionStatus", "query { ingestionStatus { source pending failed total } }"],
  sign_in: ["tokenAuth", "mutation ($email: String!, $password: String!) { tokenAuth(email: $email, password: $password) { accessToken refreshToken } }"],
  refresh: ["refreshToken", "mutation ($refreshToken: String!) { refreshToken(refreshToken: $refreshToken) { accessToken refreshToken } }"],
};
