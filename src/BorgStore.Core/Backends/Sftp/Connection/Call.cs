using System.Diagnostics;

namespace BorgStore.Backends.Sftp.Connection;

/// <summary>One operation of the backend, over as many connections as it takes.</summary>
/// <param name="patience">For how long it is tried again after the line was lost.</param>
/// <param name="cancellationToken">Ends it between two requests.</param>
internal sealed class Call(TimeSpan patience, CancellationToken cancellationToken)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan WaitForRoom = TimeSpan.FromSeconds(10);
    private long _lostAt;

    /// <summary>How many attempts were lost.</summary>
    public int Lost { get; private set; }

    /// <summary>Whether another attempt would do harm or be of no use.</summary>
    public bool IsFinal { get; set; }

    /// <summary>Ends the operation between two requests.</summary>
    public CancellationToken CancellationToken => cancellationToken;

    /// <summary>Whether to try again after a failure.</summary>
    /// <param name="failure">What went wrong.</param>
    /// <param name="isLost">Whether that is because the connection is no more.</param>
    public bool MayRepeat(StoreException failure, bool isLost)
        => (isLost || failure.WasTurnedAway) && !IsFinal && failure.Error is StoreError.ConnectionLost or StoreError.Timeout
            && (Lost == 0 || Stopwatch.GetElapsedTime(_lostAt) < (isLost || patience < WaitForRoom ? patience : WaitForRoom));

    /// <summary>Waits before the next attempt, longer from one to the next.</summary>
    public Task PauseAsync()
    {
        if (Lost == 0) _lostAt = Stopwatch.GetTimestamp();
        var pause = FirstPause * Math.Pow(2, Math.Min(Lost++, 10)) * (0.75 + Random.Shared.NextDouble() / 2);
        return Task.Delay(pause < LongestPause ? pause : LongestPause, cancellationToken);
    }
}
