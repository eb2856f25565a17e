namespace BorgStore.Backends.Sftp.Connection;

/// <summary>Why a connection could not be made or is no more.</summary>
/// <param name="Error">The code.</param>
/// <param name="Message">What was tried, why it failed, what to do.</param>
/// <param name="WasTurnedAway">Whether the server had no room for another connection.</param>
internal sealed record ConnectionFailure(StoreError Error, string Message, bool WasTurnedAway = false)
{
    /// <summary>Whether another attempt may help.</summary>
    public bool MayPass => Error is StoreError.ConnectionLost or StoreError.Timeout;

    /// <summary>An exception of its own for everyone who has to be told.</summary>
    public StoreException ToException() => new(Error, Message) { WasTurnedAway = WasTurnedAway };
}
