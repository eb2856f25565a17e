namespace BorgStore.Tests.Fuzzing.Driver;

/// <summary>Something that takes input from elsewhere, and what must be true of it whatever the input.</summary>
internal interface IFuzzTarget
{
    /// <summary>Texts that mean something in its inputs, for mutations.</summary>
    IReadOnlyList<string> Tokens => [];

    /// <summary>Takes an input.</summary>
    /// <param name="input">The input.</param>
    /// <exception cref="Exception">Anything thrown is a fault.</exception>
    void Run(byte[] input);
}
