using System.Globalization;
using BorgStore.Backends.Sftp.Transport;
using BorgStore.Hashing;
using BorgStore.Processes;

namespace BorgStore.Backends.Sftp.Hashing;

/// <summary>A shell on the server that computes hashes, a few at a time. If the server provides no shell, that is found out once.</summary>
/// <param name="transport">The transport to the server.</param>
/// <param name="timeout">How long it may be silent while answers are awaited.</param>
/// <remarks>Hashing a large file may take hours. The programs run in the background, so that
/// the shell itself can always answer: as long as it does, the hash is awaited.</remarks>
internal sealed class RemoteShell(ISftpTransport transport, TimeSpan timeout) : IAsyncDisposable
{
    private const int AtOnce = 4;
    private const int MaxLineLength = 1024;
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(20);

    private readonly object _lock = new();
    private readonly SemaphoreSlim _slots = new(AtOnce);
    private readonly SemaphoreSlim _writing = new(1);
    private readonly Dictionary<int, TaskCompletionSource<string?>> _pending = [];
    private readonly HashSet<HashKind> _unknown = [];
    private IRunningProgram? _shell;
    private Task<bool>? _started;
    private int _last;

    /// <summary>Returns whether the shell may be able to compute a hash.</summary>
    /// <param name="algorithm">The algorithm.</param>
    public bool MaySupport(HashKind algorithm)
    {
        lock (_lock) return _started is not { IsCompletedSuccessfully: true, Result: false } && !_unknown.Contains(algorithm);
    }

    /// <summary>Computes the hash of a file.</summary>
    /// <param name="path">Its path on the server, as used by SFTP.</param>
    /// <param name="algorithm">The algorithm.</param>
    /// <returns>The digest in lower-case hex and the size of the file [bytes], or <see langword="null"/> if that is not possible.</returns>
    public async Task<(string Digest, long Size)?> TryHashAsync(string path, HashKind algorithm)
    {
        Task<bool> started;
        lock (_lock) started = _started ??= StartAsync();
        if (!await started.ConfigureAwait(false)) return null;

        await _slots.WaitAsync().ConfigureAwait(false);
        try
        {
            var hashing = RunAsync(HashPrograms.Script(path, algorithm));
            do await ((Task)hashing.WaitAsync(timeout)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            while (!hashing.IsCompleted && await IsAliveAsync(timeout).ConfigureAwait(false));
            if (!hashing.IsCompleted) _shell!.Kill();
            var answer = await hashing.ConfigureAwait(false);
            if (answer == HashPrograms.NoProgram)
            {
                lock (_lock) _unknown.Add(algorithm);
            }
            return answer is null ? null : HashPrograms.ParseOutput(answer, algorithm);
        }
        finally
        {
            _slots.Release();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Task? started;
        lock (_lock) started = _started ??= Task.FromResult(false);
        await started.ConfigureAwait(false);
        if (_shell is not null) await _shell.DisposeAsync().ConfigureAwait(false);
    }

    // A user limited to SFTP gets something other than a shell, or nothing; then the first line never arrives.
    private async Task<bool> StartAsync()
    {
        await Task.Yield();
        _shell = transport.StartProgram("exec sh");
        if (_shell is null) return false;
        _ = ReadAsync(_shell);
        return await IsAliveAsync(StartTimeout).ConfigureAwait(false);
    }

    private Task<bool> IsAliveAsync(TimeSpan within)
        => RunAsync($"echo \"$n {HashPrograms.Ready}\"").WaitAsync(within)
            .ContinueWith(t => t.IsCompletedSuccessfully && t.Result == HashPrograms.Ready, TaskScheduler.Default);

    /// <summary>Runs a line of script, which prints one line: the number in <c>$n</c> and its result.</summary>
    private async Task<string?> RunAsync(string script)
    {
        var answer = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        int number;
        lock (_lock)
        {
            if (_last < 0) return null;
            _pending.Add(number = ++_last, answer);
        }
        var line = System.Text.Encoding.UTF8.GetBytes($"n={number.ToString(CultureInfo.InvariantCulture)}; {script}\n");
        await _writing.WaitAsync().ConfigureAwait(false);
        try
        {
            await _shell!.Stream.WriteAsync(line).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            return null;
        }
        finally
        {
            _writing.Release();
        }
        return await answer.Task.ConfigureAwait(false);
    }

    private async Task ReadAsync(IRunningProgram shell)
    {
        try
        {
            var buffer = new byte[MaxLineLength];
            var filled = 0;
            while (filled < buffer.Length && await shell.Stream.ReadAsync(buffer.AsMemory(filled)).ConfigureAwait(false) is > 0 and var read)
            {
                filled += read;
                for (int end; (end = buffer.AsSpan(0, filled).IndexOf((byte)'\n')) >= 0;)
                {
                    HandleLine(System.Text.Encoding.ASCII.GetString(buffer, 0, end));
                    buffer.AsSpan(end + 1, filled - end - 1).CopyTo(buffer);
                    filled -= end + 1;
                }
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The shell has ended; hashes are computed in another way.
        }
        List<TaskCompletionSource<string?>> waiting;
        lock (_lock)
        {
            waiting = [.. _pending.Values];
            _pending.Clear();
            _last = int.MinValue;
            _started = Task.FromResult(false);
        }
        waiting.ForEach(w => w.TrySetResult(null));
    }

    private void HandleLine(string line)
    {
        var blank = line.IndexOf(' ');
        if (blank < 0 || !int.TryParse(line.AsSpan(0, blank), NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return;
        TaskCompletionSource<string?>? asked;
        lock (_lock) _pending.Remove(number, out asked);
        asked?.TrySetResult(line[(blank + 1)..].Trim());
    }
}
