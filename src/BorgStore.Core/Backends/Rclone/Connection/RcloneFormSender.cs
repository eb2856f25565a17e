namespace BorgStore.Backends.Rclone.Connection;

/// <summary>Sends small values to rclone. Values for one directory that arrive while other calls are running are sent
/// together in the next call, because a call costs rclone more than a value. No value waits for others to join it.</summary>
/// <param name="server">The rclone to send to.</param>
internal sealed class RcloneFormSender(RcloneServer server)
{
    private const int MaxCalls = 2;
    private const int MaxFiles = 16;

    private readonly object _lock = new();
    private readonly Queue<File> _waiting = [];
    private int _calls;

    /// <summary>Sends a value.</summary>
    /// <param name="remote">The remote.</param>
    /// <param name="name">The value's name there, whose last part consists only of letters, digits and dots.</param>
    /// <param name="value">The value, which must not change until it is sent.</param>
    public Task SendAsync(string remote, string name, ReadOnlyMemory<byte> value)
    {
        var slash = name.LastIndexOf('/');
        var file = new File(remote, name[..Math.Max(slash, 0)], name[(slash + 1)..], value);
        lock (_lock)
        {
            _waiting.Enqueue(file);
            if (_calls < MaxCalls)
            {
                _calls++;
                _ = Task.Run(SendWaitingAsync, CancellationToken.None);
            }
        }
        return file.Sent.Task;
    }

    private async Task SendWaitingAsync()
    {
        while (TakeWaiting() is { Count: > 0 } files)
        {
            if (await TrySendAsync(files).ConfigureAwait(false) is not { } failure) continue;
            // Rclone stops at the first failure and does not say which file it was.
            if (files.Count == 1) files[0].Sent.TrySetException(failure);
            else foreach (var file in files)
                if (await TrySendAsync([file]).ConfigureAwait(false) is { } own) file.Sent.TrySetException(own);
        }
    }

    private List<File> TakeWaiting()
    {
        var files = new List<File>();
        lock (_lock)
        {
            while (files.Count < MaxFiles && _waiting.TryPeek(out var next) && (files.Count == 0 || next.CanBatchWith(files[0])))
                files.Add(_waiting.Dequeue());
            if (files.Count == 0) _calls--;
        }
        return files;
    }

    private async Task<Exception?> TrySendAsync(List<File> files)
    {
        try
        {
            var call = RcloneFormRequest.Create(files[0].Remote, files[0].Directory, files.ConvertAll(file => (file.Name, file.Value)));
            await server.CallAsync(call, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            return e;
        }
        foreach (var file in files) file.Sent.TrySetResult();
        return null;
    }

    private sealed record File(string Remote, string Directory, string Name, ReadOnlyMemory<byte> Value)
    {
        public TaskCompletionSource Sent { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool CanBatchWith(File other) => Remote == other.Remote && Directory == other.Directory;
    }
}
