// Why this file exists: people look at a running gateway through one page, which must come whole,
// in one answer, and be allowed nothing but to ask this gateway.

import Primitives

/// The page at `/`, put together once from the files in `Dashboard/`.
struct DashboardPage {
  let body: [UInt8]
  /// Of this body: a reload of the page moves no bytes while the gateway stays the same program.
  let tag: String
  /// Content-Security-Policy.
  let policy: String

  static let shared = DashboardPage(
    frame: PackageResources.page_html, style: PackageResources.style_css,
    scripts: [
      PackageResources.words_js, PackageResources.measures_js, PackageResources.charts_js,
      PackageResources.tables_js, PackageResources.services_js, PackageResources.panels_js,
      PackageResources.main_js,
    ])

  /// Where the parts go in the frame; each stands there once.
  private static let stylePlace = "/* style.css */"
  private static let scriptPlace = "/* scripts */"

  init(frame: [UInt8], style: [UInt8], scripts: [[UInt8]]) {
    let frame = String(decoding: frame, as: UTF8.self)
    guard let styleRange = frame.firstRange(of: Self.stylePlace),
      let scriptRange = frame.firstRange(of: Self.scriptPlace),
      styleRange.upperBound <= scriptRange.lowerBound
    else { preconditionFailure("page.html has no place for its parts") }
    let script = Array(scripts.joined(separator: [0x0A]))
    body =
      Array(frame[..<styleRange.lowerBound].utf8) + style
      + Array(frame[styleRange.upperBound..<scriptRange.lowerBound].utf8) + script
      + Array(frame[scriptRange.upperBound...].utf8)
    tag = "\"\(Base64.text(SHA256.hash(body)))\""
    // What is not named may not be: no file from elsewhere, no frame around it, no form, no text
    // that becomes markup or script. `data:` is the icon in the tab.
    policy = [
      "default-src 'none'", "script-src 'sha256-\(Base64.text(SHA256.hash(script)))'",
      "style-src 'sha256-\(Base64.text(SHA256.hash(style)))'", "connect-src 'self'",
      "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
      "require-trusted-types-for 'script'", "trusted-types 'none'",
    ].joined(separator: "; ")
  }

  /// 304 when the asker has this body already. `knownTags`: the values of If-None-Match.
  func answer(knownTags: [String]) -> AdminAnswer {
    var answer = AdminAnswer(status: 200, contentType: "text/html; charset=utf-8", body: body)
    if isKnown(knownTags) {
      answer.status = 304
      answer.body = []
    }
    // Kept, and asked about each time: another version of the gateway has another page.
    answer.cacheControl = "no-cache"
    answer.fields = [
      ("ETag", tag), ("Content-Security-Policy", policy),
      ("Referrer-Policy", "no-referrer"), ("Cross-Origin-Opener-Policy", "same-origin"),
      ("Cross-Origin-Resource-Policy", "same-origin"),
      ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ]
    return answer
  }

  /// RFC 9110 section 13.1.2: a list of tags, compared weakly, or `*`.
  private func isKnown(_ values: [String]) -> Bool {
    values.flatMap { $0.split(separator: ",") }.contains { text in
      var given = text.drop { $0 == " " || $0 == "\t" }
      while given.last == " " || given.last == "\t" { given.removeLast() }
      return given == "*" || given == tag || given == "W/\(tag)"
    }
  }
}
