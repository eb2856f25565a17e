namespace BorgStore;

/// <summary>A time that may be unknown, in half the space of a nullable one: listings hold many of them.</summary>
/// <param name="Value">The time; <see langword="default"/> if it is unknown.</param>
internal readonly record struct OptionalTime(DateTime Value)
{
    public static implicit operator OptionalTime(DateTime? time) => new(time.GetValueOrDefault());

    public static implicit operator DateTime?(OptionalTime time) => time.Value == default ? null : time.Value;
}
