// A user with a browser: opens a page of the provider, types what it asks for and presses its buttons, until it is done.
//
//   node user.mjs URL [CODE]     prints where the browser was sent to in the end
const [start, code] = process.argv.slice(2);
const jars = {};
let [url, options] = [new URL(start), {}];

for (let step = 0; step < 30; step += 1) {
  const jar = (jars[url.host] ??= {});
  const cookie = Object.entries(jar).map(([name, value]) => `${name}=${value}`).join('; ');
  const response = await fetch(url, { ...options, headers: { ...options.headers, cookie }, redirect: 'manual' });
  for (const line of response.headers.getSetCookie()) {
    const [name, value] = line.split(';')[0].split('=');
    jar[name] = value;
  }
  const page = await response.text();
  if (response.headers.has('location')) {
    [url, options] = [new URL(response.headers.get('location'), url), {}];
    if (url.pathname === '/back') break;
    continue;
  }
  if (!response.ok) throw new Error(`${url.pathname} answered ${response.status}: ${page.slice(0, 500)}`);
  const form = page.match(/<form[^>]*>[\s\S]*?<\/form>/);
  if (!form) break;
  const action = form[0].match(/action="([^"]*)"/);
  const fields = new URLSearchParams();
  for (const [input] of form[0].matchAll(/<input[^>]*>/g)) {
    const name = input.match(/name="([^"]*)"/)?.[1];
    if (!name || /type="submit"/.test(input)) continue;
    const typed = { user_code: code, login: 'ada', password: 'any' }[name];
    fields.set(name, input.match(/value="([^"]*)"/)?.[1] || typed || '');
  }
  url = new URL(action ? action[1].replaceAll('&amp;', '&') : url, url);
  options = { method: 'POST', body: fields.toString(), headers: { 'content-type': 'application/x-www-form-urlencoded' } };
}
console.log(url.href);
