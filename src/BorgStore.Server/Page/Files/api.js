// Requests to the server. They need the header, which no other site can make a browser send.

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const get = (path, query) => request('GET', path, query);
export const post = (path, query, body) => request('POST', path, query, body);
export const remove = (path, query) => request('DELETE', path, query);

async function request(method, path, query, body) {
  const url = 'api/' + path + (query ? '?' + new URLSearchParams(query) : '');
  let response;
  try {
    response = await fetch(url, {
      method,
      headers: { 'X-BorgStore-Page': '1', ...(body && { 'Content-Type': 'application/json' }) },
      body: body && JSON.stringify(body),
      cache: 'no-store',
      signal: AbortSignal.timeout(30_000),
    });
  } catch {
    throw new Refused(0, 'The server does not answer.');
  }
  const text = await response.text();
  const isJson = response.headers.get('Content-Type')?.startsWith('application/json');
  if (!response.ok) throw new Refused(response.status, (isJson && JSON.parse(text).error) || `The server answered ${response.status}.`);
  return isJson ? JSON.parse(text) : null;
}
