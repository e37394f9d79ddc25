// Draws /api/openapi.json: one entry per operation, grouped by resource. No library, nothing from outside.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  for (const child of children) made.append(child);
  return made;
}

function resolve(spec, part) {
  let found = part;
  for (let steps = 0; found && found.$ref && steps < 20; steps += 1) {
    found = found.$ref.replace("#/", "").split("/").reduce((at, key) => (at || {})[key], spec);
  }
  return found || {};
}

// A reader wants to see the fields, not a chain of references; a schema inside itself is named only.
function expand(spec, schema, seen) {
  if (!schema || typeof schema !== "object") return schema;
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    if (seen.includes(name)) return { schema: name };
    return expand(spec, resolve(spec, schema), seen.concat(name));
  }
  if (Array.isArray(schema)) return schema.map((one) => expand(spec, one, seen));
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, expand(spec, value, seen)]));
}

function bodies(spec, content) {
  return Object.entries(content || {}).map(([type, media]) =>
    element("div", {}, element("p", {}, element("code", {}, type)),
      element("pre", { tabindex: "0" }, JSON.stringify(expand(spec, media.schema || {}, []), null, 2))));
}

function parameters(spec, list) {
  if (!list.length) return "";
  const rows = list.map((one) => resolve(spec, one)).map((one) =>
    element("tr", {}, element("td", {}, element("code", {}, one.name)), element("td", {}, one.in),
      element("td", {}, one.required ? "必填" : ""), element("td", {}, one.description || "")));
  return element("table", {}, element("thead", {}, element("tr", {},
    ...["参数", "位置", "", "说明"].map((title) => element("th", { scope: "col" }, title)))), element("tbody", {}, ...rows));
}

function operation(spec, path, method, shared, described) {
  const inside = element("div", { class: "inside" });
  if (described.description) inside.append(element("p", {}, described.description));
  inside.append(parameters(spec, (shared || []).concat(described.parameters || [])));
  if (described.requestBody) inside.append(element("h3", {}, "请求"), ...bodies(spec, described.requestBody.content));
  for (const [status, answer] of Object.entries(described.responses || {})) {
    const resolved = resolve(spec, answer);
    inside.append(element("h3", {}, `${status === "default" ? "出错时" : status} ${resolved.description || ""}`),
      ...bodies(spec, resolved.content));
  }
  return element("details", { "data-text": `${method} ${path} ${described.summary || ""}`.toLowerCase() },
    element("summary", {}, element("span", { class: "method" }, method.toUpperCase()), element("code", {}, path),
      element("span", {}, described.summary || ""),
      element("span", { class: "permission" }, described["x-permission"] || "无需登录")), inside);
}

function draw(spec) {
  const groups = new Map((spec.tags || []).map((tag) => [tag.name, { title: tag.description || tag.name, found: [] }]));
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const method of METHODS.filter((one) => item[one])) {
      const group = groups.get((item[method].tags || [])[0]) || [...groups.values()][0];
      group.found.push(operation(spec, path, method, item.parameters, item[method]));
    }
  }
  const sections = [...groups.values()].filter((group) => group.found.length)
    .map((group) => element("section", {}, element("h2", {}, group.title), ...group.found));
  document.getElementById("operations").replaceChildren(...sections);
}

function filter(words) {
  for (const one of document.querySelectorAll("details")) one.hidden = !one.dataset.text.includes(words.toLowerCase());
  for (const section of document.querySelectorAll("section")) {
    section.hidden = !section.querySelector("details:not([hidden])");
  }
}

document.getElementById("filter").addEventListener("input", (event) => filter(event.target.value.trim()));
fetch("openapi.json").then((answer) => answer.json()).then(draw).catch(() => {
  document.getElementById("operations").textContent = "接口描述读取失败，请刷新后重试。";
});
