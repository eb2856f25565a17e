using BorgStore.Backends;

namespace BorgStore.PowerShell.Pipeline;

/// <summary>Passes the retries of stores to the command for which they work. A store outlives commands, and several of a pipeline may use it at the
/// same time, so the asynchronous flow that the request belongs to tells them apart.</summary>
internal static class RetryScope
{
    private static readonly AsyncLocal<Action<StoreRetry>?> Current = new();

    /// <summary>Receives the retries of all stores, on any thread.</summary>
    public static void Receive(StoreRetry retry) => Current.Value?.Invoke(retry);

    /// <summary>Begins to report the retries of the task or asynchronous method that calls this.</summary>
    /// <param name="report">Called from any thread. It must return quickly and not throw.</param>
    public static void Enter(Action<StoreRetry> report) => Current.Value = report;

    /// <summary>Describes a retry for -Verbose.</summary>
    /// <param name="retry">The retry.</param>
    /// <param name="target">The item that is worked on, if the storage does not know it.</param>
    public static string Describe(StoreRetry retry, string? target = null)
        => $"Retried {((retry.Name ?? target) is { } name ? $"'{name}'" : "a request")}, attempt {retry.Attempt}, because the last one failed: {retry.Reason}";
}
