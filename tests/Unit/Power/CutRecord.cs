namespace BorgStore.Tests.Power;

/// <summary>Records changes and their acknowledgements, and so what each item may be after a power cut: its last durable state, or any that it
/// was given since.</summary>
internal sealed class CutRecord
{
    /// <summary>A value whose name is the hash of its bytes.</summary>
    public const string Pack = "a pack";

    /// <summary>A value whose bytes are not those that were stored.</summary>
    public const string Damaged = "damaged";

    private readonly object _lock = new();
    // The first state of an item is durable. Absence is null, and also the state of an item that is not here.
    private readonly Dictionary<string, List<State>> _items = [];
    private readonly List<(string From, string To, string Value)> _moves = [];
    private long _clock;

    /// <summary>Whether a value that is not durable yet may have its name without its bytes.</summary>
    public bool MayTear { get; set; }

    /// <summary>The number of changes acknowledged as durable.</summary>
    public int Acknowledged { get; private set; }

    /// <summary>Returns the value that an item was given last; <see langword="null"/> if it should not exist.</summary>
    public string? Find(string name)
    {
        lock (_lock) return _items.TryGetValue(name, out var states) ? states[^1].Value : null;
    }

    /// <summary>Records that a change begins. Changes of one item do not overlap.</summary>
    public void Begin(string name, string? value)
    {
        lock (_lock)
        {
            _moves.RemoveAll(move => move.From == name || move.To == name);
            if (!_items.TryGetValue(name, out var states)) _items.Add(name, states = [new(null)]);
            states.Add(new(value));
        }
    }

    /// <summary>Records that a move begins.</summary>
    public void BeginMove(string name, string newName)
    {
        lock (_lock)
        {
            var value = Find(name)!;
            var isDurable = _items[name].Count == 1;
            Begin(name, null);
            Begin(newName, value);
            if (isDurable) _moves.Add((name, newName, value));
        }
    }

    /// <summary>Records that the last change of an item was acknowledged.</summary>
    /// <param name="name">The item.</param>
    /// <param name="isDurable">Whether that promises that it is durable.</param>
    public void Acknowledge(string name, bool isDurable)
    {
        lock (_lock)
        {
            var states = _items[name];
            states[^1] = states[^1] with { Acknowledged = ++_clock };
            if (isDurable) Settle(states, _clock);
        }
    }

    /// <summary>Records that a flush begins, and returns what to pass to <see cref="EndFlush"/>.</summary>
    public long BeginFlush()
    {
        lock (_lock) return ++_clock;
    }

    /// <summary>Records that a flush was acknowledged: everything acknowledged before it began is durable.</summary>
    public void EndFlush(long begun)
    {
        lock (_lock)
            foreach (var states in _items.Values) Settle(states, begun);
    }

    /// <summary>Compares the store with the record, and goes on with what is there.</summary>
    /// <param name="found">The items and their values; <see cref="Damaged"/> for one that is not whole.</param>
    /// <returns>The broken promises.</returns>
    public List<string> Compare(IReadOnlyDictionary<string, string> found)
    {
        lock (_lock)
        {
            var broken = new List<string>();
            foreach (var name in _items.Keys.Union(found.Keys).Order(StringComparer.Ordinal))
            {
                // The name of a pack is known only once it is acknowledged.
                var states = _items.GetValueOrDefault(name) ?? (name.StartsWith("packs/", StringComparison.Ordinal) ? [new(null), new(Pack)] : [new(null)]);
                var value = found.GetValueOrDefault(name);
                var isLegal = value == Damaged ? MayTear && states.Skip(1).Any(state => state.Value is not null) : states.Exists(state => state.Value == value);
                if (!isLegal)
                    broken.Add($"{name} is {value ?? "absent"}, but must be {string.Join(" or ", states.Select(state => state.Value ?? "absent"))}");
            }
            broken.AddRange(_moves.Where(move => found.GetValueOrDefault(move.From) != move.Value && found.GetValueOrDefault(move.To) != move.Value)
                .Select(move => $"{move.Value} is gone, both from {move.From} and from {move.To}, to which it was moved"));
            _moves.Clear();
            _items.Clear();
            foreach (var (name, value) in found)
                if (value != Damaged) _items.Add(name, [new(value)]);
            return broken;
        }
    }

    private void Settle(List<State> states, long until)
    {
        var last = states.FindLastIndex(state => state.Acknowledged > 0 && state.Acknowledged <= until);
        if (last <= 0) return;
        Acknowledged += last;
        states.RemoveRange(0, last);
    }

    /// <param name="Value">The value; <see langword="null"/> if the item does not exist.</param>
    /// <param name="Acknowledged">When the change was acknowledged; 0 if it was not.</param>
    private sealed record State(string? Value, long Acknowledged = 0);
}
