namespace BorgStore.Backends.Sftp.Connection;

/// <summary>Why a connection could not be established or was lost.</summary>
/// <param name="Error">The kind of error.</param>
/// <param name="Message">What was tried, why it failed, what to do.</param>
/// <param name="WasTurnedAway">Whether the server had no room for another connection.</param>
internal sealed record ConnectionFailure(StoreError Error, string Message, bool WasTurnedAway = false)
{
    /// <summary>Whether a retry may help.</summary>
    public bool MayPass => Error is StoreError.ConnectionLost or StoreError.Timeout;

    /// <summary>Returns a new exception, one for each caller.</summary>
    public StoreException ToException() => new(Error, Message) { WasTurnedAway = WasTurnedAway };
}
