// Why this file exists: the configuration texts of the scenarios: one short standard text, to
// which each test adds only the lines that it is about.

/// One service `main` with the given backends, one route `all` that takes every path.
///
/// `top` are top-level lines, `service` and `route` lines inside those mappings. In all of them
/// `{port}`, `{admin}`, `{directory}` and `{backend1}`… stand for what the test was given.
func configuration(
  top: String = "", service: String = "", route: String = "", backends: Int = 1,
  workers: Int = 1
) -> String {
  let list = (0..<backends).map { "{backend\($0 + 1)}" }.joined(separator: ", ")
  return """
    listeners:
      - address: 127.0.0.1:{port}
    admin:
      address: 127.0.0.1:{admin}
    workers: \(workers)
    \(top)
    services:
      main:
        backends: [\(list)]
    \(indented(service, by: 4))
    routes:
      - name: all
        match:
          path: /*
        service: main
    \(indented(route, by: 4))
    """ + "\n"
}

private func indented(_ text: String, by columns: Int) -> String {
  let margin = String(repeating: " ", count: columns)
  return text.split(separator: "\n").map { margin + $0 }.joined(separator: "\n")
}

/// Puts the ports and paths of this run into a configuration.
func fill(
  _ text: String, port: UInt16, admin: UInt16, directory: String, backends: [Address]
) -> String {
  var values = [
    "port": "\(port)", "admin": "\(admin)", "directory": directory,
  ]
  for (index, address) in backends.enumerated() {
    values["backend\(index + 1)"] = "\"\(address)\""
  }
  var result = ""
  var rest = text[...]
  while let open = rest.firstIndex(of: "{") {
    result += rest[..<open]
    rest = rest[rest.index(after: open)...]
    if let close = rest.firstIndex(of: "}"), let value = values[String(rest[..<close])] {
      result += value
      rest = rest[rest.index(after: close)...]
    } else {
      result += "{"
    }
  }
  return result + rest
}
