namespace BorgStore.Backends.Sftp.Connection;

/// <summary>Work whose caller no longer waits.</summary>
internal static class Abandoned
{
    /// <summary>Waits for the work, observes its failure, and disposes its result, which may hold a handle on the server.</summary>
    /// <param name="work">The work.</param>
    public static async Task DropAsync<T>(Task<T> work)
    {
        try
        {
            if (await work.ConfigureAwait(false) is IAsyncDisposable late) await late.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is StoreException or OperationCanceledException)
        {
            // The caller no longer waits for it.
        }
    }
}
