using System.Globalization;
using System.Management.Automation;
using System.Text.RegularExpressions;

namespace BorgStore.PowerShell.Binding;

/// <summary>Converts times with a unit, such as <c>30d</c>, and rejects a bare number as a time. PowerShell would read it as ticks of 100
/// nanoseconds, which no user means.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed partial class TimeTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
        => Explain(inputData) is { } why ? throw new ArgumentTransformationMetadataException(why) : Convert(inputData);

    /// <summary>Converts a time with a unit; everything else is left to PowerShell.</summary>
    public static object? Convert(object? value)
    {
        try
        {
            return ValueArgument.Unwrap(value) switch
            {
                // PowerShell takes the units of 30d and 30s for the types of numbers.
                decimal days => TimeSpan.FromDays((double)days),
                short seconds => TimeSpan.FromSeconds(seconds),
                string text when WithUnit().Match(text) is { Success: true, Groups: var parts } => Multiply(parts[2].ValueSpan, double.Parse(parts[1].ValueSpan, CultureInfo.InvariantCulture)),
                _ => value,
            };
        }
        catch (OverflowException)
        {
            throw new PSInvalidCastException($"{value} is too long for a time. The longest is {TimeSpan.MaxValue.Days} days.");
        }
    }

    /// <summary>Returns why a value is not a time, or null if it may be one.</summary>
    public static string? Explain(object? value)
        => ValueArgument.Unwrap(value) is (int or long or double) and IConvertible number && number.ToDecimal(null) != 0
            ? $"{number.ToString(CultureInfo.InvariantCulture)} has no unit. Write a time as 30d, 12h, 15m or 30s, as 0:00:30 (hours, minutes, seconds) or 30.00:00:00 (days and so on), or as New-TimeSpan -Seconds {number.ToString(CultureInfo.InvariantCulture)}."
            : null;

    private static TimeSpan Multiply(ReadOnlySpan<char> unit, double number) => unit switch
    {
        "d" => TimeSpan.FromDays(number),
        "h" => TimeSpan.FromHours(number),
        "m" => TimeSpan.FromMinutes(number),
        _ => TimeSpan.FromSeconds(number),
    };

    [GeneratedRegex(@"^\s*(\d{1,9}(?:\.\d{1,9})?)([dhms])\s*$", RegexOptions.CultureInvariant)]
    private static partial Regex WithUnit();
}
