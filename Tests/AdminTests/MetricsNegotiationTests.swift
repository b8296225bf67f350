// Why this file exists: a scraper that gets a form it did not ask for loses every sample; what is
// sent by real ones stands here to the letter.

import Telemetry
import Testing

@testable import Admin

@Suite struct `The form of the metrics` {
  @Test(arguments: [
    // Prometheus 2.42, 2.5, and 3 with and without the protobuf form
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
      + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;"
      + "q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
      + "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;"
      + "escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;"
      + "q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2",
    "application/openmetrics-text", "application/openmetrics-text; version=\"1.0.0\"",
    "Application/OpenMetrics-Text ; Version=1.0.0 ; charset=utf-8",
    "text/plain;q=0.999,application/openmetrics-text;q=1.000",
    "text/plain;q=0, application/openmetrics-text;q=0.001",
    "application/openmetrics-text,text/plain",
    "text/plain;note=\"a,b;c\\\"\";q=0.1, application/openmetrics-text;q=0.2",
  ])
  func `is OpenMetrics where that is what the scraper would rather have`(accept: String) {
    #expect(ExpositionFormat.negotiated([accept]) == .openMetrics)
  }

  @Test(arguments: [
    "", "*/*", "text/plain", "text/plain;version=0.0.4", "text/html,application/xhtml+xml",
    "application/*", "application/openmetrics-text;version=0.0.1",
    "application/openmetrics-text;version=2.0.0", "application/openmetrics-text;q=0",
    "application/openmetrics-text;q=0.000", "text/plain,application/openmetrics-text",
    "application/openmetrics-text;q=0.4,text/plain;q=0.5",
    "application/openmetrics-text;q=2", "application/openmetrics-text;q=1.001",
    "application/openmetrics-text;q=0.5555", "application/openmetrics-text;q=.5",
    "application/openmetrics-text;q=", "application/openmetrics-text;q=a",
    "application/openmetrics-text;q=-1", "application/openmetrics-text;1.0.0",
    "x\"application/openmetrics-text\"", "\"application/openmetrics-text", ",;,=;q",
  ])
  func `is text otherwise, also where Accept makes no sense`(accept: String) {
    #expect(ExpositionFormat.negotiated([accept]) == .text)
  }

  @Test func `follows from all Accept lines together`() {
    #expect(ExpositionFormat.negotiated([]) == .text)
    #expect(
      ExpositionFormat.negotiated(["text/plain;q=0.2", "application/openmetrics-text;q=0.3"])
        == .openMetrics)
    #expect(
      ExpositionFormat.negotiated(["application/openmetrics-text;q=0.3", "text/plain;q=0.4"])
        == .text)
  }
}
