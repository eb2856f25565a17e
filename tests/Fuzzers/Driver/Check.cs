using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace BorgStore.Tests.Fuzzing.Driver;

/// <summary>Checks what must be true of every input.</summary>
internal static class Check
{
    /// <summary>Throws unless a condition holds.</summary>
    /// <param name="condition">The condition.</param>
    /// <param name="problem">What is wrong if it does not.</param>
    public static void That([DoesNotReturnIf(false)] bool condition, Func<string> problem)
    {
        if (!condition) throw new FaultException(problem());
    }

    /// <summary>Throws unless two values are equal.</summary>
    /// <param name="expected">The expected value.</param>
    /// <param name="actual">The actual value.</param>
    /// <param name="what">What they are.</param>
    public static void Equal<T>(T expected, T actual, string what)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual)) throw new FaultException($"{what} is '{actual}' instead of '{expected}'.");
    }

    /// <summary>Returns whether something is refused, which must be with a reason that a terminal can show.</summary>
    /// <param name="act">What to try.</param>
    public static bool IsRefused(Action act)
    {
        try
        {
            act();
            return false;
        }
        catch (StoreException e)
        {
            That(e.Message.Length > 0 && !e.Message.Any(char.IsControl), () => $"The message of an error is not a text: '{e.Message}'.");
            return true;
        }
    }

    /// <summary>Runs an operation to its end. It may fail with a reason.</summary>
    /// <param name="act">The operation.</param>
    public static void Completes(Func<Task> act) => IsRefused(() => act().GetAwaiter().GetResult());

    /// <summary>Returns the text of an input as any of two decoders reads it.</summary>
    public static IEnumerable<string> Texts(byte[] input)
        => Array.TrueForAll(input, value => value < 0x80) ? [Encoding.ASCII.GetString(input)] : [Encoding.UTF8.GetString(input), Encoding.Latin1.GetString(input)];
}

/// <summary>Something that must be true of every input is not.</summary>
/// <param name="problem">What is wrong.</param>
internal sealed class FaultException(string problem) : Exception(problem);
