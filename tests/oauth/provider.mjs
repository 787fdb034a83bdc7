// An OpenID provider and, behind it, a server that takes nothing but its access tokens. For tests/oauth.rs.
//
//   node provider.mjs        prints one line, {"issuer": .., "gateway": ..}, and runs until its standard input ends
//
// Access tokens live for 4 s. Refresh tokens are good for one use: using one again revokes all that came of it.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

// From where npm put it: outside of the tree.
const require = createRequire(`${process.env.OAUTH_MODULES}/`);
const { Provider } = await import(require.resolve('oidc-provider'));

const listen = (server) => new Promise((done) => server.listen(0, '127.0.0.1', () => done(`http://127.0.0.1:${server.address().port}`)));

const front = createServer();
const issuer = await listen(front);
const provider = new Provider(issuer, {
  clients: [
    { client_id: 'robot', client_secret: 'robot-secret-planted', grant_types: ['client_credentials'], response_types: [], redirect_uris: [] },
    {
      client_id: 'poster', client_secret: 'poster-secret-planted', token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['client_credentials'], response_types: [], redirect_uris: [],
    },
    {
      client_id: 'person', token_endpoint_auth_method: 'none', application_type: 'native',
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      redirect_uris: ['http://127.0.0.1/back'],
    },
  ],
  features: { clientCredentials: { enabled: true }, deviceFlow: { enabled: true }, devInteractions: { enabled: true } },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async () => true,
  scopes: ['openid', 'offline_access', 'tabby'],
  ttl: { AccessToken: 4, ClientCredentials: 4, DeviceCode: 60, RefreshToken: 600, Grant: 600, Session: 600, Interaction: 600 },
  findAccount: (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  cookies: { keys: ['for tests'] },
});
front.on('request', provider.callback());

// What the gateway has let through, and how often each kind of token was given.
const seen = new Set();
const given = {};
for (const event of ['access_token.saved', 'client_credentials.saved', 'refresh_token.saved']) {
  provider.on(event, () => { given[event] = (given[event] ?? 0) + 1; });
}
let revoked = new Set();

const gateway = createServer(async (request, response) => {
  const answer = (status, body) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  if (request.url === '/_given') return answer(200, given);
  // As an administrator would: the tokens that were used so far are good no more.
  if (request.url === '/_revoke') { revoked = new Set(seen); return answer(200, {}); }
  const token = (request.headers.authorization ?? '').replace(/^Bearer /, '');
  const found = (await provider.AccessToken.find(token)) ?? (await provider.ClientCredentials.find(token));
  if (!found || found.isExpired || revoked.has(token)) return answer(401, { detail: `Invalid API key: ${token}` });
  seen.add(token);
  answer(200, { id: 'alpha', object: 'model' });
});

console.log(JSON.stringify({ issuer, gateway: await listen(gateway) }));
process.stdin.resume().on('end', () => process.exit());
