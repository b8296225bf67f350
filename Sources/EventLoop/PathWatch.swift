// Why this file exists: the kernel tells when something about a path changes, so that nobody has to
// look at it many times a second. It does not tell everything: who must not miss a change looks
// from time to time all the same.

import CLibUV

/// Watches one file or directory. Copies name the same watch. Only for the loop's thread.
package struct PathWatch {
  private let box: UnsafeMutablePointer<Box>

  /// `name` is the entry of the directory that has changed, or the file itself; empty when that is
  /// not known.
  package typealias OnEvent =
    @convention(c) (_ owner: UnsafeMutableRawPointer, _ name: UnsafePointer<CChar>) -> Void

  private struct Box {
    var handle: uv_fs_event_t
    var owner: UnsafeMutableRawPointer
    var onEvent: OnEvent
  }

  /// Watches what is at `path` now: of a directory its entries, not those of directories in it; of
  /// a file the file, whatever becomes of its name. Nil when that cannot be watched: it is not
  /// there, or the system has no watches left.
  package static func start(
    _ loop: Loop, path: String, owner: UnsafeMutableRawPointer, onEvent: @escaping OnEvent
  ) -> PathWatch? {
    let box = UnsafeMutablePointer<Box>.allocate(capacity: 1)
    box.initialize(to: Box(handle: uv_fs_event_t(), owner: owner, onEvent: onEvent))
    let watch = PathWatch(box: box)
    // Cannot fail: it only fills in the handle.
    _ = uv_fs_event_init(loop.raw, handle(box))
    if uv_fs_event_start(handle(box), somethingHappened, path, 0) == 0 { return watch }
    watch.close()
    return nil
  }

  /// Gives its memory back some rounds later. It must not be used again.
  package func close() {
    closeHandle(in: UnsafeMutableRawPointer(box))
  }

  private static func handle(
    _ box: UnsafeMutablePointer<Box>
  ) -> UnsafeMutablePointer<uv_fs_event_t> {
    UnsafeMutableRawPointer(box).assumingMemoryBound(to: uv_fs_event_t.self)
  }

  fileprivate static func happened(
    _ handle: UnsafeMutableRawPointer, _ name: UnsafePointer<CChar>
  ) {
    let box = handle.assumingMemoryBound(to: Box.self)
    box.pointee.onEvent(box.pointee.owner, name)
  }
}

private func somethingHappened(
  _ handle: UnsafeMutablePointer<uv_fs_event_t>?, _ name: UnsafePointer<CChar>?, _ events: Int32,
  _ status: Int32
) {
  let handle = UnsafeMutableRawPointer(handle.unsafelyUnwrapped)
  if let name { return PathWatch.happened(handle, name) }
  var nothing: CChar = 0
  PathWatch.happened(handle, &nothing)
}
