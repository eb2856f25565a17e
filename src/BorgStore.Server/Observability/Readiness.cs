
namespace BorgStore.Server.Observability;

/// <summary>Finds out whether the server can do its work. The answer is kept for some seconds, so that asking often does not load the storage.</summary>
/// <param name="check">Reaches the storage, or throws.</param>
/// <param name="stopping">Cancelled when the server stops.</param>
internal sealed class Readiness(Func<CancellationToken, Task> check, CancellationToken stopping)
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private Task _check = Task.CompletedTask;
    private Task<string?>? _answer;
    private long _expiry;

    /// <summary>Returns why the server is not ready, in a word that discloses nothing; <see langword="null"/> if it is ready.</summary>
    public Task<string?> FindProblemAsync()
    {
        if (stopping.IsCancellationRequested) return Task.FromResult<string?>("stopping");
        lock (_lock)
        {
            if (_answer is { IsCompleted: false } || (_answer is not null && Environment.TickCount64 < _expiry)) return _answer;
            // A check that hangs is not joined by others.
            if (_check.IsCompleted) _check = Task.Run(() => check(stopping), stopping);
            return _answer = AnswerAsync(_check);
        }
    }

    private async Task<string?> AnswerAsync(Task running)
    {
        try
        {
            await running.WaitAsync(Timeout, stopping);
            return null;
        }
        catch (StoreException e)
        {
            return e.Error switch
            {
                StoreError.StoreDoesNotExist => "no-store",
                StoreError.ConnectionLost or StoreError.Timeout => "unreachable",
                StoreError.AuthenticationFailed => "refused",
                // The storage has answered; clients have no right to look at the store itself.
                StoreError.PermissionDenied => null,
                _ => "failed",
            };
        }
        catch (TimeoutException)
        {
            return "timeout";
        }
        catch (OperationCanceledException)
        {
            return "stopping";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "failed";
        }
        finally
        {
            Volatile.Write(ref _expiry, Environment.TickCount64 + (long)Lifetime.TotalMilliseconds);
        }
    }
}
