// A text area over a copy of its words: the copy carries the marks. Words live here; Python hears them after a pause.

const PAUSE = 220 // milliseconds without a key before the words are sent

export default function (component) {
  const root = component.parentElement.querySelector(".marked")
  if (!root) return
  if (!root.desk) root.desk = begin(root, component.data)
  root.desk.send = component.setStateValue
  take(root.desk, component.data)
}

function begin(root, data) {
  const area = root.querySelector("textarea")
  const label = root.querySelector(".marked-label")
  const desk = {
    area,
    back: root.querySelector(".marked-back"),
    list: root.querySelector(".marked-list"),
    count: root.querySelector(".marked-count"),
    marks: [], lacks: [], before: data.text, sent: data.text, timer: 0, send: null, ruled: false, floor: data.height,
  }
  label.textContent = data.label
  area.setAttribute("aria-label", data.label)
  area.value = data.checked
  desk.before = desk.sent = data.checked
  area.addEventListener("input", () => {
    shift(desk)
    draw(desk)
    clearTimeout(desk.timer)
    desk.timer = setTimeout(() => tell(desk), PAUSE)
  })
  area.addEventListener("blur", () => tell(desk))
  area.addEventListener("keydown", (event) => {
    if (event.altKey && event.key === "Enter") {
      event.preventDefault()
      event.stopPropagation()
      const here = desk.marks.find((mark) => mark.instead !== null && within(desk, mark))
      const next = here || desk.marks.find((mark) => mark.instead !== null)
      if (next) put(desk, next)
    } else if ((event.ctrlKey || event.metaKey || event.altKey) && !["Control", "Alt", "Meta"].includes(event.key)) {
      tell(desk) // a shortcut may follow: it must find the words as they stand
    }
  })
  for (const moved of ["keyup", "click"]) area.addEventListener(moved, () => point(desk, (mark) => within(desk, mark)))
  area.addEventListener("mousemove", (event) => {
    const over = document.elementsFromPoint(event.clientX, event.clientY).find((one) => one.dataset && one.dataset.mark)
    area.title = over ? desk.marks[Number(over.dataset.mark)].why : ""
  })
  new ResizeObserver(() => fit(desk)).observe(root)
  if (data.focus) {
    area.focus()
    area.setSelectionRange(area.value.length, area.value.length)
  }
  return desk
}

function take(desk, data) {
  desk.ruled = data.ruled
  if (data.checked === desk.area.value) {
    desk.marks = data.marks
    desk.lacks = data.lacks
  }
  draw(desk)
}

function tell(desk) {
  clearTimeout(desk.timer)
  if (desk.area.value === desk.sent) return
  desk.sent = desk.area.value
  desk.send("text", desk.sent)
}

// marks before an edit stay, those behind it move along, those it touched go
function shift(desk) {
  const now = desk.area.value, before = desk.before
  let head = 0
  while (head < Math.min(now.length, before.length) && now[head] === before[head]) head++
  let tail = 0
  while (tail < Math.min(now.length, before.length) - head && now.at(-1 - tail) === before.at(-1 - tail)) tail++
  const by = now.length - before.length, end = before.length - tail
  desk.marks = desk.marks
    .filter((mark) => mark.end <= head || mark.start >= end)
    .map((mark) => (mark.start >= end ? { ...mark, start: mark.start + by, end: mark.end + by } : mark))
  desk.before = now
}

function within(desk, mark) {
  const at = desk.area.selectionStart
  return mark.start <= at && at <= mark.end
}

function draw(desk) {
  const text = desk.area.value
  desk.before = text
  desk.back.replaceChildren()
  const cuts = [...new Set([0, text.length, ...desk.marks.flatMap((mark) => [mark.start, mark.end])])]
    .filter((at) => at <= text.length).sort((a, b) => a - b)
  for (let n = 0; n + 1 < cuts.length; n++) {
    const over = desk.marks.filter((mark) => mark.start <= cuts[n] && cuts[n + 1] <= mark.end)
    const words = document.createTextNode(text.slice(cuts[n], cuts[n + 1]))
    if (!over.length) {
      desk.back.append(words)
      continue
    }
    const inner = over.reduce((a, b) => (a.end - a.start <= b.end - b.start ? a : b))
    const span = document.createElement("span")
    span.dataset.mark = desk.marks.indexOf(inner)
    if (inner.rule === "sentence length") span.className = "wide"
    span.append(words)
    desk.back.append(span)
  }
  desk.back.append("\n") // as a text area keeps room for a line that is begun
  list(desk)
  const n = text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length
  desk.count.textContent = `${n} word${n === 1 ? "" : "s"} · ${[...text].length} characters`
  fit(desk)
}

function list(desk) {
  desk.list.replaceChildren()
  desk.marks.forEach((mark, number) => {
    const line = item(desk, mark.said.trim() ? `“${short(mark.said.trim())}”` : mark.rule, mark.why)
    line.dataset.of = number
    if (mark.instead !== null) {
      const button = document.createElement("button")
      button.type = "button"
      const other = mark.instead.trim()
      button.textContent = other ? `Put “${other}”` : mark.instead === "" ? "Leave it out" : "Mend the spaces"
      button.title = "Alt+Enter"
      button.addEventListener("click", () => put(desk, mark))
      line.append(" ", button)
    }
  })
  for (const lack of desk.lacks) item(desk, `${lack.rule[0].toUpperCase()}${lack.rule.slice(1)}`, lack.why)
  if (desk.ruled && !desk.marks.length && !desk.lacks.length) item(desk, "", "It keeps the style guide.").className = "fine"
}

function item(desk, name, why) {
  const line = document.createElement("li")
  if (name) {
    const bold = document.createElement("b")
    bold.textContent = name
    line.append(bold)
  }
  const said = document.createElement("i")
  said.textContent = why
  line.append(" ", said)
  desk.list.append(line)
  return line
}

function point(desk, chosen) {
  for (const line of desk.list.children) {
    const mark = desk.marks[Number(line.dataset.of)]
    line.classList.toggle("here", Boolean(line.dataset.of && mark && chosen(mark)))
  }
  for (const span of desk.back.querySelectorAll("span")) {
    span.classList.toggle("here", chosen(desk.marks[Number(span.dataset.mark)]))
  }
}

// through the browser's own editing, so that Ctrl+Z takes it back
function put(desk, mark) {
  desk.area.focus()
  desk.area.setSelectionRange(mark.start, mark.end)
  document.execCommand(mark.instead ? "insertText" : "delete", false, mark.instead)
}

function fit(desk) {
  desk.area.style.height = "auto"
  desk.area.style.height = `${Math.max(desk.floor, desk.area.scrollHeight)}px`
}

function short(text) {
  return text.length > 40 ? `${text.slice(0, 39)}…` : text
}
