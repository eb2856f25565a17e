using System.Diagnostics;
using BorgStore.Backends.Shared;

namespace BorgStore.Backends.Sftp.Connection;

/// <summary>An operation of the backend, over as many connections as it takes.</summary>
/// <param name="timeout">How long to retry after the connection was lost.</param>
/// <param name="cancellationToken">A token to cancel the operation between two requests.</param>
internal sealed class RetryState(TimeSpan timeout, CancellationToken cancellationToken)
{
    // It is the time that ends the attempts.
    private static readonly RetrySchedule Retry = new(int.MaxValue, TimeSpan.FromMilliseconds(100));
    private static readonly TimeSpan WaitForRoom = TimeSpan.FromSeconds(10);
    private long _lostAt;

    /// <summary>The number of failed attempts.</summary>
    public int FailedAttempts { get; private set; }

    /// <summary>Whether another attempt would be harmful or useless.</summary>
    public bool IsFinal { get; set; }

    /// <summary>A token to cancel the operation between two requests.</summary>
    public CancellationToken CancellationToken => cancellationToken;

    /// <summary>Returns whether to retry after a failure.</summary>
    /// <param name="failure">The failure.</param>
    /// <param name="isLost">Whether its reason is that the connection was lost.</param>
    public bool ShouldRetry(StoreException failure, bool isLost)
        => (isLost || failure.WasRejected) && !IsFinal && failure.Error is StoreError.ConnectionLost or StoreError.Timeout
            && (FailedAttempts == 0 || Stopwatch.GetElapsedTime(_lostAt) < (isLost || timeout < WaitForRoom ? timeout : WaitForRoom));

    /// <summary>Waits before the next attempt, longer each time.</summary>
    public Task DelayAsync()
    {
        if (FailedAttempts == 0) _lostAt = Stopwatch.GetTimestamp();
        return Task.Delay(Retry.GetPause(FailedAttempts++)!.Value, cancellationToken);
    }
}
