import CLinux

/// CLOCK_MONOTONIC, the clock of live devices and of everything that is timed. Thread-safe; neither lock nor allocation.
public enum MonotonicClock {
    public static func now() -> Instant { Instant(nanoseconds: fwoc_monotonic_nanoseconds()) }
}

/// CLOCK_BOOTTIME: time since the machine started, suspension included.
public enum BootClock {
    public static func now() -> TimeSpan { TimeSpan(nanoseconds: fwoc_boot_nanoseconds()) }
}

/// The clock on the wall, as the kernel knows it.
public enum WallClock {
    /// Whether a service keeps it in step with other clocks, as the kernel was told.
    public static var isSynchronised: Bool { fwoc_clock_is_synchronised() }
}

/// Processor time that this process has used, of all its threads.
public enum ProcessorClock {
    public static func now() -> TimeSpan { TimeSpan(nanoseconds: fwoc_processor_nanoseconds()) }
}
