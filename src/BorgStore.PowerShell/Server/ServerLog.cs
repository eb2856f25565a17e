namespace BorgStore.PowerShell.Server;

/// <summary>The last lines of a server's log, until they are taken. Bounded, because they may never be.</summary>
internal sealed class ServerLog
{
    private const int Capacity = 1000;
    private readonly Queue<string> _lines = new();
    private long _dropped;

    /// <summary>Adds a line.</summary>
    public void Add(string line)
    {
        lock (_lines)
        {
            if (_lines.Count == Capacity)
            {
                _lines.Dequeue();
                _dropped++;
            }
            _lines.Enqueue(line);
        }
    }

    /// <summary>Takes the lines added since the last call.</summary>
    public IReadOnlyList<string> Take()
    {
        lock (_lines)
        {
            IEnumerable<string> gap = _dropped > 0 ? [$"({_dropped} lines before are lost: the last {Capacity} are kept)"] : [];
            string[] taken = [.. gap, .. _lines];
            _lines.Clear();
            _dropped = 0;
            return taken;
        }
    }
}
