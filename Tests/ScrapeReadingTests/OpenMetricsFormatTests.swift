// Why this file exists: a reader that lets everything pass proves nothing about what it reads.

import ScrapeReading
import Testing

private func read(_ text: String, eof: Bool = true) -> Scrape {
  OpenMetricsFormat.read(Array((text + (eof ? "# EOF\n" : "")).utf8))
}
private func faults(_ text: String) -> [String] { read(text).faults }

private let counter = "# TYPE a counter\n"
private let histogram = "# TYPE h histogram\n"
private let end = "h_sum 1.5\nh_count 2\n"

@Suite struct `The reader of OpenMetrics` {
  @Test func `takes what is right, of every type`() {
    let scrape = read(
      "# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds \\\"A\\\" \\\\ a.\n"
        + "a_seconds_total{x=\"\\\"\\\\\\n\"} 1 # {trace_id=\"ab\"} 0.5 1700000000.25\n"
        + "a_seconds_created{x=\"\\\"\\\\\\n\"} 1699999999.5\n"
        + "# TYPE g gauge\ng -1.5 1700000000\n# TYPE u unknown\nu +Inf\nbare 1\n"
        + "# TYPE i info\ni_info{version=\"1\"} 1\n"
        + "# TYPE s stateset\ns{s=\"up\"} 1\ns{s=\"down\"} 0\n" + histogram
        + "h_bucket{le=\"1.0\"} 1 # {} 0.5\nh_bucket{le=\"+Inf\"} 2 # {trace_id=\"b\"} 1.5\n" + end)
    #expect(scrape.faults == [])
    #expect(
      scrape.families["a_seconds"]
        == ScrapedFamily(type: "counter", help: "\"A\" \\ a.", unit: "seconds"))
    let labels = ["x": "\"\\\n"]
    let total = scrape.samples.first { $0.name == "a_seconds_total" }
    #expect(total?.labels == labels && total?.value == 1)
    #expect(
      total?.exemplar
        == ScrapedExemplar(labels: ["trace_id": "ab"], value: 0.5, time: 1_700_000_000.25))
    #expect(scrape.samples.first { $0.name == "g" }?.time == 1_700_000_000)
    #expect(scrape.value("u") == .infinity && scrape.value("bare") == 1)
    #expect(read("# EOF", eof: false).faults == [])
  }

  @Test(arguments: ["", "a 1\n", "# EOF\n\n", "# EOF\na 1\n", "# EOF \n", "#EOF\n", "# EOF\r\n"])
  func `refuses what does not end as it must`(text: String) {
    #expect(read(text, eof: false).faults != [])
  }

  @Test(arguments: [
    "\n", "# comment\n", "# HELP a\n", "# FOO a b\n", "#TYPE a counter\n", "# TYPE a number\n",
    "# TYPE a counter \na_total 1\n", "# TYPE 1a counter\n", "# HELP a bare \" quote\n",
    "# HELP a \\t\n", "# UNIT a seconds\n", "# UNIT a_b c d\n",
    "# TYPE a counter\n# TYPE a counter\na_total 1\n", "# TYPE a gauge\na 1\n# HELP a Late.\n",
    "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# HELP a Again.\n",
    "# TYPE i_s info\n# UNIT i_s s\ni_s_info{x=\"\"} 1\n",
  ])
  func `refuses bad descriptions`(text: String) { #expect(faults(text) != []) }

  @Test(arguments: [
    "a_total\n", "a_total  1\n", "a_total 1 \n", " a_total 1\n", "a_total 1\r\n", "a_total 0x1\n",
    "a_total one\n", "a_total 1 now\n", "a_total 1 1 1\n", "a_total 1 inf\n", "ä_total 1\n",
    "a_total{} 1\na_total 1\n", "a_total{x=\"1\",} 1\n", "a_total{,} 1\n", "a_total{x=\"1} 1\n",
    "a_total{x=\"\\t\"} 1\n", "a_total{x=\"1\",x=\"1\"} 1\n", "a_total {x=\"1\"} 1\n",
    "a_total{x = \"1\"} 1\n", "a_total -1\n", "a_total NaN\n", "a 1\n", "a_created 1\n",
    "b_total 1\n",
    "a_total{x=\"1\"} 1\na_total{x=\"2\"} 1\na_created{x=\"1\"} 1\n",
    "a_total{x=\"1\"} 1\na_total{x=\"1\"} 2\n",
  ])
  func `refuses bad samples of a counter`(text: String) {
    // A sample of another name is one of a family of its own, which then is no counter.
    let scrape = read(counter + text)
    #expect(scrape.faults != [] || scrape.families.count > 1, "\(scrape)")
  }

  @Test(arguments: [
    "a_total 1 # {x=\"1\"}\n", "a_total 1 # 1\n", "a_total 1 #{x=\"1\"} 1\n",
    "a_total 1 # {x=\"1\"} 1 \n", "a_total 1 # {x=\"1\"} 1 1 1\n", "a_total 1 # {x=\"1\",} 1\n",
    "a_total 1 # {x=\"1\"} 1 # {x=\"1\"} 1\n", "a_total 1 # {x=\"1\"} 1 nan\n",
    "a_total 1 # {x=\"" + String(repeating: "y", count: 128) + "\"} 1\n",
    "a_total 1\na_created 1 # {x=\"1\"} 1\n",
  ])
  func `refuses bad exemplars`(text: String) { #expect(faults(counter + text) != []) }

  @Test func `an exemplar belongs to a bucket or a total, inside its bounds`() {
    #expect(faults("# TYPE g gauge\ng 1 # {x=\"1\"} 1\n") != [])
    #expect(faults(histogram + "h_bucket{le=\"+Inf\"} 2\nh_sum 1.5\nh_count 2 # {} 1\n") != [])
    let first = "h_bucket{le=\"1.0\"} 1 # {} 1.5\nh_bucket{le=\"+Inf\"} 2\n"
    #expect(faults(histogram + first + end) != [])
    let second = "h_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 2 # {} 0.5\n"
    #expect(faults(histogram + second + end) != [])
    let longest = String(repeating: "y", count: 127)
    #expect(faults(counter + "a_total 1 # {x=\"\(longest)\"} 1\n") == [])
  }

  @Test(arguments: [
    "h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\n",
    "h_bucket{le=\"0.00001\"} 1\nh_bucket{le=\"+Inf\"} 2\n", "h_bucket{le=\"inf\"} 2\n",
    "h_bucket{le=\"1.0\"} 2\n", "h_bucket 2\n", "",
    "h_bucket{le=\"2.0\"} 1\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 2\n",
    "h_bucket{le=\"1.0\"} 3\nh_bucket{le=\"+Inf\"} 2\n", "h_bucket{le=\"+Inf\"} 1\n",
    "h_bucket{le=\"+Inf\"} NaN\n",
  ])
  func `refuses histograms that do not add up`(text: String) {
    #expect(faults(histogram + text + end) != [])
  }

  @Test func `refuses infos and states that are not, and families in two places`() {
    #expect(faults("# TYPE i info\ni_info 2\n") != [])
    #expect(faults("# TYPE s stateset\ns{s=\"up\"} 2\n") != [])
    #expect(faults("# TYPE s stateset\ns{x=\"up\"} 1\n") != [])
    #expect(
      faults("# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na{x=\"1\"} 1\n") != [])
    #expect(faults("# TYPE a_total gauge\na_total 1\n# TYPE a counter\na_total{x=\"1\"} 1\n") != [])
    #expect(
      faults("# TYPE h histogram\nh_bucket{le=\"+Inf\"} 2\nh_sum{le=\"1.0\"} 1\n" + end) != [])
  }
}
