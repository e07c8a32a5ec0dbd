// An OpenID provider for tests: whoever types a name is signed in by it. Prints its address once it listens.
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [packages, redirects] = process.argv.slice(2)
const found = createRequire(`${packages}/package.json`).resolve('oidc-provider')
const { default: Provider } = await import(pathToFileURL(found).href)

const server = createServer()
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'palaver', client_secret: 'a secret & more', redirect_uris: JSON.parse(redirects) }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    pkce: { required: () => true },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.org`, email_verified: !id.startsWith('unverified'), name: id }),
    }),
  })
  server.on('request', provider.callback())
  console.log(issuer)
})
