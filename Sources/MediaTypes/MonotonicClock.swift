import CLinux

/// CLOCK_MONOTONIC, the clock of live devices and of everything that is timed. Thread-safe; neither lock nor allocation.
public enum MonotonicClock {
    public static func now() -> Instant { Instant(nanoseconds: fwoc_monotonic_nanoseconds()) }
}

/// CLOCK_BOOTTIME: time since the machine started, suspension included.
public enum BootClock {
    public static func now() -> TimeSpan { TimeSpan(nanoseconds: fwoc_boot_nanoseconds()) }
}

/// Processor time that this process has used, of all its threads.
public enum ProcessorClock {
    public static func now() -> TimeSpan { TimeSpan(nanoseconds: fwoc_processor_nanoseconds()) }
}
