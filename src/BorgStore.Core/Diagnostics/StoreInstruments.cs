using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace BorgStore.Diagnostics;

/// <summary>The instruments of the meter <c>BorgStore</c>: the calls to storages of this process, for OpenTelemetry and whatever else listens
/// to <see cref="System.Diagnostics.Metrics"/>.</summary>
internal static class StoreInstruments
{
    /// <summary>The name of the meter. <see cref="Backends.Shared.RetrySchedule"/> has an instrument of the same one.</summary>
    public const string MeterName = "BorgStore";

    private static readonly System.Diagnostics.Metrics.Meter Source = new(MeterName);

    private static readonly Counter<long> Calls = Source.CreateCounter<long>("borgstore.calls", "{call}", "Calls to the storage.");

    private static readonly Histogram<double> Durations = Source.CreateHistogram<double>(
        "borgstore.call.duration", "s", "Time until a call to the storage returned; of a listing, without the time its caller took.");

    private static readonly Counter<long> Bytes = Source.CreateCounter<long>(
        "borgstore.bytes", "By", "Bytes of the values that were opened for reading, stored, or copied by the storage.");

    private static readonly Counter<long> Errors = Source.CreateCounter<long>("borgstore.errors", "{error}", "Calls to the storage that failed.");

    /// <summary>Whether anybody listens.</summary>
    public static bool IsEnabled => Calls.Enabled || Durations.Enabled || Bytes.Enabled || Errors.Enabled;

    /// <summary>Records a call.</summary>
    /// <param name="operation">The operation, one of a few words.</param>
    /// <param name="scheme">The scheme of the store's URL.</param>
    /// <param name="duration">The time that it took.</param>
    /// <param name="bytes">The bytes of its value.</param>
    /// <param name="failure">Why it failed, or <see langword="null"/>.</param>
    public static void Record(string operation, string scheme, TimeSpan duration, long bytes, Exception? failure)
    {
        var tags = new TagList { { "operation", operation }, { "scheme", scheme } };
        Calls.Add(1, tags);
        Durations.Record(duration.TotalSeconds, tags);
        if (bytes > 0) Bytes.Add(bytes, tags);
        // A call that its caller cancelled has not failed.
        if (failure is null or OperationCanceledException) return;
        tags.Add("error", failure is StoreException { Error: var error } ? error.ToString() : "Other");
        Errors.Add(1, tags);
    }
}
