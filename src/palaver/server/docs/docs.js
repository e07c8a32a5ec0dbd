// Shows the OpenAPI document and sends requests from it. Text only ever becomes text: nothing is put in as HTML.

const METHODS = ["get", "post", "put", "patch", "delete"];

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

const pretty = (value) => JSON.stringify(value, null, 2);

function schemaText(schema, schemas, depth = 0) {
  if (!schema) return "";
  const inside = "  ".repeat(depth + 1);
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return depth > 3 ? name : schemaText(schemas[name], schemas, depth);
  }
  if (schema.anyOf) return schema.anyOf.map((one) => schemaText(one, schemas, depth + 1)).join(" | ");
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (schema.type === "array") return `[${schemaText(schema.items, schemas, depth)}]`;
  if (schema.properties) {
    const needed = new Set(schema.required ?? []);
    const lines = Object.entries(schema.properties).map(
      ([name, one]) => `${inside}${name}${needed.has(name) ? "" : "?"}: ${schemaText(one, schemas, depth + 1)}`,
    );
    return `{\n${lines.join("\n")}\n${"  ".repeat(depth)}}`;
  }
  return [schema.type ?? "anything", schema.format && `(${schema.format})`].filter(Boolean).join(" ");
}

function parameterTable(parameters) {
  const rows = parameters.map((one) => {
    const input = element("input", {
      name: one.name, "data-in": one.in, value: one.example ?? "", required: one.required, "aria-label": one.name,
    });
    const kind = one.schema.enum ? one.schema.enum.join(", ") : [one.schema.type, one.schema.format].filter(Boolean).join(" ");
    return element("tr", {},
      element("td", {}, one.name, one.required ? " *" : ""),
      element("td", {}, input),
      element("td", { class: "quiet" }, [one.in, kind, one.description ?? ""].filter(Boolean).join(" · ")));
  });
  return element("table", {}, element("tbody", {}, ...rows));
}

async function send(form, method, path, shown) {
  const url = new URL(path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(form.elements[name].value)), location.origin);
  const headers = {};
  for (const input of form.querySelectorAll("input[data-in]")) {
    if (input.value === "") continue;
    if (input.dataset.in === "query") url.searchParams.append(input.name, input.value);
    if (input.dataset.in === "header") headers[input.name] = input.value;
  }
  const token = document.getElementById("token").value;
  if (token) headers.Authorization = `Bearer ${token}`;
  const options = { method: method.toUpperCase(), headers, credentials: token ? "omit" : "same-origin" };
  const file = form.querySelector("input[type=file]")?.files[0];
  const text = form.querySelector("textarea")?.value;
  if (file) options.body = file;
  else if (text) { options.body = text; headers["Content-Type"] = "application/json"; }
  await show(await fetch(url, options), shown);
}

async function show(response, shown) {
  const head = `${response.status} ${response.statusText}\n${[...response.headers].map(([k, v]) => `${k}: ${v}`).join("\n")}\n\n`;
  const kind = response.headers.get("content-type") ?? "";
  shown.textContent = head;
  if (kind.includes("json")) shown.textContent += pretty(await response.json());
  else if (kind.startsWith("text/event-stream")) for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) shown.textContent += chunk;
  else if (kind.startsWith("text/")) shown.textContent += (await response.text()).slice(0, 100_000);
  else shown.textContent += `(${(await response.blob()).size} bytes)`;
}

function bodyInput(body) {
  if (!body) return "";
  const json = body.content["application/json"];
  if (!json) return element("p", {}, element("label", {}, "Body ", element("input", { type: "file" })));
  const area = element("textarea", { "aria-label": "Body", spellcheck: "false" });
  area.value = json.example === undefined ? "{}" : pretty(json.example);
  return area;
}

function responseList(responses, schemas) {
  return Object.entries(responses).flatMap(([status, one]) => {
    const json = one.content?.["application/json"];
    const line = element("p", {}, element("strong", {}, status), " ", one.description);
    if (!json) return [line];
    return [line, element("details", {}, element("summary", {}, "Shape"), element("pre", {}, schemaText(json.schema, schemas))),
      element("details", {}, element("summary", {}, "Example"), element("pre", {}, pretty(json.example)))];
  });
}

function operationBlock(path, method, operation, schemas) {
  const shown = element("pre", { class: "hidden", "aria-label": "Answer" });
  const body = operation.requestBody;
  const form = element("form", {
    onsubmit: async (event) => {
      event.preventDefault();
      shown.classList.remove("hidden");
      shown.textContent = "…";
      try { await send(form, method, path, shown); } catch (error) { shown.textContent = String(error); }
    },
  }, parameterTable(operation.parameters), bodyInput(body), element("p", {}, element("button", {}, "Send")), shown);
  const needs = operation["x-palaver-role"] ? ` Needs the role ${operation["x-palaver-role"]}.` : "";
  return element("details", { id: operation.operationId, "data-text": `${path} ${operation.summary}`.toLowerCase() },
    element("summary", {}, element("span", { class: "method" }, method.toUpperCase()),
      element("span", { class: "path" }, path), element("span", { class: "quiet" }, operation.summary)),
    element("p", {}, operation.description + needs), form,
    body?.content["application/json"] ? element("details", {}, element("summary", {}, "Shape of the body"),
      element("pre", {}, schemaText(body.content["application/json"].schema, schemas))) : "",
    ...responseList(operation.responses, schemas));
}

function problems(paths) {
  const found = new Map();
  for (const one of Object.values(paths).flatMap((path) => Object.values(path)).flatMap((op) => Object.entries(op.responses)))
    for (const [, title, code] of one[1].description.matchAll(/([^;`]+) \(`(\w+)`\)/g)) found.set(code, `${one[0]}: ${title.trim()}`);
  return [...found].sort().flatMap(([code, text]) => [element("dt", { id: code }, code), element("dd", {}, text)]);
}

const api = await (await fetch("/api/openapi.json")).json();
document.getElementById("about").textContent = `${api.info.description} Version ${api.info.version}.`;
const main = document.querySelector("main");
main.replaceChildren();
for (const tag of api.tags) {
  const id = tag.name.toLowerCase().replaceAll(" ", "-");
  const blocks = Object.entries(api.paths).flatMap(([path, methods]) => METHODS
    .filter((method) => methods[method]?.tags.includes(tag.name))
    .map((method) => operationBlock(path, method, methods[method], api.components.schemas)));
  document.querySelector("nav").append(element("a", { href: `#${id}` }, tag.name));
  main.append(element("section", {}, element("h2", { id }, tag.name), element("p", {}, tag.description), ...blocks));
}
document.querySelector("#problems dl").append(...problems(api.paths));
document.getElementById("find").addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const block of main.querySelectorAll("details[data-text]"))
    block.classList.toggle("hidden", !words.every((word) => block.dataset.text.includes(word)));
});
if (location.hash) document.querySelector(location.hash)?.scrollIntoView();
