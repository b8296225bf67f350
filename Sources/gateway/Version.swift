// Why this file exists: the version is written once; `--version`, the metrics and the start line
// read it here.

enum Version {
  static let number = "0.1.0"
}
